"""A run becomes a model: export, quantise, parity."""
