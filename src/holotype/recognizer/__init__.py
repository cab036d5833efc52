"""Embedder, gallery and matcher joined, and the services beside them."""

from holotype.recognizer.achievable_rates import drift, stated, status
from holotype.recognizer.bulk import enroll_entries, enroll_many, identify_entries
from holotype.recognizer.calibration import calibrate
from holotype.recognizer.kinds import DEFAULT_MODEL
from holotype.recognizer.leave_one_out import lint
from holotype.recognizer.migration import Move, reembed
from holotype.recognizer.opening import BARE, open
from holotype.recognizer.pair import same
from holotype.recognizer.recognizer import Recognizer
from holotype.recognizer.reviews import feedback, review, undo_feedback
from holotype.recognizer.score_histograms import scores
from holotype.recognizer.unlabeled_calibration import calibrate_unlabeled

__all__ = [
    "BARE",
    "DEFAULT_MODEL",
    "Move",
    "Recognizer",
    "calibrate",
    "calibrate_unlabeled",
    "drift",
    "enroll_entries",
    "enroll_many",
    "feedback",
    "identify_entries",
    "lint",
    "open",
    "reembed",
    "review",
    "same",
    "scores",
    "stated",
    "status",
    "undo_feedback",
]
