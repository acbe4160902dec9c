"""The model format on disk: manifest, hashes, versions, load and save."""

from homefield.bundle.folder import MANIFEST, Bundle, BundleDraft, frozen_name, new_bundle, open_bundle
from homefield.bundle.manifest import FORMAT, BundleManifest, Cleaning, Parts, Precision, Thresholds
from homefield.bundle.names import ALIASES, check_name, claim_version, model_names, model_versions, resolve_model

__all__ = [
    "ALIASES",
    "FORMAT",
    "MANIFEST",
    "Bundle",
    "BundleDraft",
    "BundleManifest",
    "Cleaning",
    "Parts",
    "Precision",
    "Thresholds",
    "check_name",
    "claim_version",
    "frozen_name",
    "model_names",
    "model_versions",
    "new_bundle",
    "open_bundle",
    "resolve_model",
]
