"""The model format on disk: manifest, hashes, versions, load and save."""
