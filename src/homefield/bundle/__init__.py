"""The model format on disk: manifest, hashes, versions, load and save."""

from homefield.bundle.folder import MANIFEST, Bundle, BundleDraft, frozen_name, new_bundle, open_bundle
from homefield.bundle.manifest import FORMAT, BundleManifest, Cleaning, Parts, Precision, Thresholds
from homefield.bundle.names import check_name, claim_version, resolve_model

__all__ = [
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
    "new_bundle",
    "open_bundle",
    "resolve_model",
]
