"""Records become a dataset: read, clean, mask, merge, group, split, and judge their quality."""

from __future__ import annotations

from homefield.data.augment import augment
from homefield.data.clean import clean_frame, clean_text
from homefield.data.dataset import SPLITS, Dataset, LabelKind, Manifest, SplitName, open_dataset
from homefield.data.options import PrepareOptions
from homefield.data.prepare import prepare
from homefield.data.read import read_records

__all__ = [
    "SPLITS",
    "Dataset",
    "LabelKind",
    "Manifest",
    "PrepareOptions",
    "SplitName",
    "augment",
    "clean_frame",
    "clean_text",
    "open_dataset",
    "prepare",
    "read_records",
]
