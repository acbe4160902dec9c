"""Pre-training: a corpus of plain text becomes a backbone, by masked language modelling within a budget."""
