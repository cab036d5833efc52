"""Who stays in view from one frame to the next: one visit each, decided once.

Two sightings are one track where their boxes overlap and they are as alike as the stated rate
demands of two pictures of one identity, or where they are nearly the same.

If a track were a match as soon as any frame passes, a stranger would get a new chance with every
frame, and more visitors than stated would get in. So a visit is due once, after its first `FRAMES`
fit frames or its first second, or when it is out of view. It is decided on the mean of what these
reach (`Recognizer.identify_visitor`), and nothing that comes later changes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from holotype.domains.faces.boxes import Box, overlap
from holotype.records import Decision, Sighting
from holotype.stats.scoring import Floats
from holotype.watching.frames import Frame

FRAMES = 10  # are looked at before a visit is decided
_DECIDED_S = 1.0  # or so long after the first of them
_GONE_S = 2.0  # out of view for so long, it is a new track
_OVERLAP = 0.3  # intersection over union
# So alike two pictures taken one after the other are one thing, wherever it moved.
_SAME = 0.97


@dataclass(slots=True)
class Visit:
    """Somebody or something in view, by its first frames."""

    number: int
    first_s: float
    seen_s: float
    box: Box | None
    vector: Floats
    fit: list[tuple[Frame, Sighting]] = field(default_factory=list)
    doubtful: tuple[Frame, Sighting] | None = None  # the first that is unfit to be told
    told: bool = False

    def due(self, seconds: float) -> bool:
        """Whether it is to be decided now."""
        if self.told:
            return False
        waited = seconds - self.first_s >= _DECIDED_S
        return len(self.fit) >= FRAMES or (waited and bool(self.fit)) or self.gone(seconds)

    def gone(self, seconds: float) -> bool:
        """Whether it has been out of view for long."""
        return seconds - self.seen_s > _GONE_S

    def add(self, frame: Frame, sighting: Sighting) -> None:
        """Look at one more frame, while it is not decided."""
        if self.told:
            return
        if sighting.decision.answer != "cannot_tell":
            if not self.fit:
                self.first_s = frame.seconds
            self.fit.append((frame, sighting))
        elif self.doubtful is None:
            self.doubtful = frame, sighting


class Tracks:
    """The tracks of one video or camera."""

    def __init__(self) -> None:
        self._tracks: list[Visit] = []
        self._count = 0

    def follow(self, sightings: list[Sighting], frame: Frame) -> list[Visit]:
        """The visits that are due, each once.

        Args:
            sightings: of the frame; those without a vector are passed over.
            frame: never earlier than the one before.
        """
        seconds = frame.seconds
        free = [track for track in self._tracks if not track.gone(seconds)]
        for sighting in sightings:
            decision, vector = sighting.decision, sighting.vector
            if vector is None:
                continue
            track = next((t for t in free if _is_one(t, vector, decision)), None)
            if track is None:
                self._count += 1
                track = Visit(self._count, seconds, seconds, decision.box, vector)
                self._tracks.append(track)
            else:
                free.remove(track)
            track.seen_s, track.box, track.vector = seconds, decision.box, vector
            track.add(frame, sighting)
        return self._due(seconds)

    def interrupt(self) -> list[Visit]:
        """Those that are not decided yet, when nobody can look for a while; all stay in view."""
        due = [track for track in self._tracks if not track.told]
        for track in due:
            track.told = True
        return due

    def end(self) -> list[Visit]:
        """Those that are not decided yet, when the source has ended."""
        return self._due(float("inf"))

    def _due(self, seconds: float) -> list[Visit]:
        due = [track for track in self._tracks if track.due(seconds)]
        for track in due:
            track.told = True
        self._tracks = [track for track in self._tracks if not track.gone(seconds)]
        return due


def _is_one(track: Visit, vector: Floats, decision: Decision) -> bool:
    alike = float(track.vector @ vector)
    if alike >= _SAME:
        return True
    if track.box is None or decision.box is None or decision.threshold is None:
        return False
    return alike >= decision.threshold and overlap(track.box, decision.box) >= _OVERLAP
