"""One example defines a class, and from then on the class is recognized."""

from holotype.errors import HolotypeError
from holotype.recognizer import Recognizer, open
from holotype.records import Candidate, Card, Decision, Enrollment, Episode, Report

__all__ = [
    "Candidate",
    "Card",
    "Decision",
    "Enrollment",
    "Episode",
    "HolotypeError",
    "Recognizer",
    "Report",
    "open",
]
