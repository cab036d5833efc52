"""What became of a probe: of its three answers, which one, and whether that was right.

The table, the words and the cards of the page all count by this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from holotype.demo.trials import STRANGER
from holotype.records import Decision

Outcome = Literal[
    # of the enrolled
    "recognized",
    "taken for another",
    "missed",
    "cannot tell",
    # of strangers
    "accepted",
    "turned away",
    "stranger, cannot tell",
]


def outcome(labels: Sequence[str], truth: int, decision: Decision) -> Outcome:
    """Of one probe.

    Args:
        labels: of the identities 0..N-1.
        truth: the identity of the probe, or STRANGER.
        decision: the answer to it.
    """
    if truth == STRANGER:
        if decision.answer == "cannot_tell":
            return "stranger, cannot tell"
        return "accepted" if decision.answer == "match" else "turned away"
    if decision.answer == "cannot_tell":
        return "cannot tell"
    if decision.answer == "unknown":
        return "missed"
    return "recognized" if decision.label == labels[truth] else "taken for another"
