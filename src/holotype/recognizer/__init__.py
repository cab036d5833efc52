"""Embedder, gallery and calibration joined: enroll, identify, verify, forget."""

from holotype.recognizer.moving import Move, reembed
from holotype.recognizer.opening import DEFAULT_MODEL, open
from holotype.recognizer.pair import same
from holotype.recognizer.recognizer import Recognizer

__all__ = ["DEFAULT_MODEL", "Move", "Recognizer", "open", "reembed", "same"]
