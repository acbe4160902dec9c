"""A model answers: ONNX Runtime, no torch."""

from homefield.serve.matcher import Matched, Matcher
from homefield.serve.network import Sessions
from homefield.serve.prediction import Candidate, Evidence, Prediction
from homefield.serve.predictor import Outputs, Predictor
from homefield.serve.together import Together

__all__ = ["Candidate", "Evidence", "Matched", "Matcher", "Outputs", "Prediction", "Predictor", "Sessions", "Together"]
