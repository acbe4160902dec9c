"""One file a step; numbered, so that a newer database is known by its number."""
