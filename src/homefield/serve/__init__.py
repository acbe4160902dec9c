"""A model answers: ONNX Runtime, no torch."""
