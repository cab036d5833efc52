"""What a watch tells, one event after the other."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from holotype.records import Decision


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody or something came into view, or was recognized since."""

    picture: str  # the file, or the frame of a video
    seconds: float  # since the beginning
    track: int  # the same for one who stays in view; every picture of a folder has its own
    decision: Decision
    kept: str | None = None  # the file that holds the picture of the unknown, where asked for
    # uint8 RGB [H, W, 3], the best picture, cut to what is around a face
    best: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)
    # float32 unit [D] of it; None where there was nothing to embed
    vector: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Pictures that came faster than they could be identified, and were not looked at."""

    pictures: int  # since the last such event


@dataclass(frozen=True, slots=True)
class Warned:
    """A picture that could not be read; the watch goes on."""

    picture: str
    text: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A camera or stream broke off; it is opened again, as often as it takes."""

    text: str


@dataclass(frozen=True, slots=True)
class Back:
    """A camera or stream gives pictures, again or for the first time."""

    seconds: float  # for how long it gave none


@dataclass(frozen=True, slots=True)
class Ended:
    """The source came to its end; the last event."""

    pictures: int  # identified
    dropped: int


Event = Seen | Dropped | Warned | Lost | Back | Ended
