"""Who stays in view from one frame to the next: one event each, not one for every frame.

Two sightings are one track where their boxes overlap and they are as alike as the stated rate
demands of two pictures of one identity, or where they are nearly the same. What is told of a track
once is told again only when more is known: an unknown that is recognized, or another name.
"""

from __future__ import annotations

from dataclasses import dataclass

from holotype.faces.boxes import Box, overlap
from holotype.records import Decision, Sighting
from holotype.scoring import Floats

_GONE_S = 2.0  # out of view for so long, it is a new track
_OVERLAP = 0.3  # intersection over union
# So alike two pictures taken one after the other are one thing, wherever it moved.
_SAME = 0.97
_RANK = {"cannot_tell": 0, "unknown": 1, "match": 2}


@dataclass(slots=True)
class _Track:
    number: int
    seen_s: float
    box: Box | None
    vector: Floats
    told: Decision


class Tracks:
    """The tracks of one video or camera."""

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._count = 0

    def follow(self, sightings: list[Sighting], seconds: float) -> list[tuple[int, Sighting]]:
        """The sightings of a frame that are news, each with the number of its track.

        Args:
            sightings: of one frame; those without a vector are passed over.
            seconds: when; never earlier than the frame before.
        """
        self._tracks = [track for track in self._tracks if seconds - track.seen_s <= _GONE_S]
        free, news = list(self._tracks), []
        for sighting in sightings:
            decision, vector = sighting.decision, sighting.vector
            if vector is None:
                continue
            track = next((t for t in free if _is_one(t, vector, decision)), None)
            if track is None:
                self._count += 1
                track = _Track(self._count, seconds, decision.box, vector, decision)
                self._tracks.append(track)
                news.append((track.number, sighting))
                continue
            free.remove(track)
            if _is_news(track.told, decision):
                track.told = decision
                news.append((track.number, sighting))
            track.seen_s, track.box, track.vector = seconds, decision.box, vector
        return news


def _is_one(track: _Track, vector: Floats, decision: Decision) -> bool:
    alike = float(track.vector @ vector)
    if alike >= _SAME:
        return True
    if track.box is None or decision.box is None or decision.threshold is None:
        return False
    return alike >= decision.threshold and overlap(track.box, decision.box) >= _OVERLAP


def _is_news(told: Decision, now: Decision) -> bool:
    if now.answer == "match":
        return told.label != now.label
    return _RANK[now.answer] > _RANK[told.answer]
