"""Inference: scoring files with a trained detector; knows data and models, no training code."""

from ltw.infer.detector import Detector
from ltw.infer.find import Found, FoundFace, find_faces
from ltw.infer.many import find_in, in_order
from ltw.infer.networks import Settings
from ltw.infer.prediction import Prediction, ScoredFace, ScoredPerson

__all__ = [
    "Detector",
    "Found",
    "FoundFace",
    "Prediction",
    "ScoredFace",
    "ScoredPerson",
    "Settings",
    "find_faces",
    "find_in",
    "in_order",
]
