"""Vectors and their nearest neighbours: one contract, one conformance suite."""
