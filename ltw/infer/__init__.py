"""Scoring files with a trained detector; knows data and models, and no training code."""

from ltw.infer.detector import Detector
from ltw.infer.find import Found, FoundFace, find_faces
from ltw.infer.many import find_in, in_order
from ltw.infer.networks import Settings
from ltw.infer.prediction import Person, Prediction, ScoredFace

__all__ = [
    "Detector",
    "Found",
    "FoundFace",
    "Person",
    "Prediction",
    "ScoredFace",
    "Settings",
    "find_faces",
    "find_in",
    "in_order",
]
