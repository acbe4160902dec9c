"""Records become a dataset: read, clean, mask, merge, group, split, and judge their quality."""
