"""Recognize in sound as it comes, with at most so many false alarms an hour.

Sound is listened to in pieces that overlap by half. What the owner's recording of ordinary sound
holds are strangers: the pieces of it that can be judged rank with a piece that comes later (as own
strangers do, `openset.evidence`), so with a threshold that k - 1 of them reach in H hours, at most
k / H alarms an hour are expected of sound like it. Less than 1 / H cannot be said. It is an
estimate: pieces that follow one another are alike, and no hour is quite like another.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import IO, Any, cast

import numpy as np

from holotype.domains.domain import Detected
from holotype.domains.voices.hearing import listening
from holotype.domains.voices.recording import resampled
from holotype.errors import DataError, RateError
from holotype.gallery import Gallery, Snapshot, Strangers
from holotype.image import quality
from holotype.image.prepare import ImageSource
from holotype.recognizer import Recognizer
from holotype.recognizer.detection import detect, stacked
from holotype.records import Decision, Recording
from holotype.stats import poisson
from holotype.stats.scoring import Floats
from holotype.watching.events import Ended, Event, Seen

STDIN = "-"
RATE_HZ = 16_000  # of raw samples, and of what is listened to
_BLOCK_BYTES = 3_200  # of raw samples, a tenth of a second
_SOME = 16  # pieces of a recording that are looked at together
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Ordinary:
    """A recording of sound in which none of the enrolled is."""

    hours: float
    pieces: int  # of it
    vectors: Floats  # [M, D] of those that can be judged; of silence nothing can

    @property
    def smallest(self) -> float:
        """The fewest false alarms an hour that it can speak for."""
        return 1 / self.hours

    def allowed(self, an_hour: float) -> int:
        """Of how many of its pieces a later one may be the least alike to the enrolled.

        Args:
            an_hour: how many false alarms an hour may be expected.

        Raises:
            RateError: it is no rate, or the recording is too short for it, or too quiet.
        """
        if not 0 < an_hour < math.inf:
            raise RateError(
                f"{an_hour:g} false alarms an hour is no rate", "State one above 0, such as 1"
            )
        count = math.floor(an_hour * self.hours + _ROUNDING)
        if count < 1:
            raise RateError(
                f"{an_hour:g} false alarms an hour cannot be estimated from {self.hours:.3g} hours "
                f"of ordinary sound; the least is {self.smallest:.3g} an hour, one in all of it",
                f"Record {1 / an_hour:.3g} hours or more, or state {self.smallest:.3g} or more",
            )
        if count > len(self.vectors):
            raise RateError(
                f"the ordinary sound has {len(self.vectors)} pieces of {self.pieces} that can be "
                f"judged, and {count} alarms in its {self.hours:.3g} hours would be allowed",
                "Record where it will listen, while something is to be heard",
            )
        return count

    def in_words(self, an_hour: float) -> str:
        """What is said of a stated number of false alarms an hour."""
        count = self.allowed(an_hour)
        most = poisson.upper_limit(count - 1) / self.hours
        return (
            f"At most {an_hour:g} false alarms an hour: estimated, from {self.hours:.3g} hours of "
            f"ordinary sound, {count - 1} of whose {len(self.vectors):,} pieces would be one "
            f"(95 % sure: below {most:.3g} an hour), for sound like that. With these hours nothing "
            f"below {self.smallest:.3g} an hour can be stated."
        )


def ordinary(recognizer: Recognizer, recording: ImageSource) -> Ordinary:
    """Listen to a recording of ordinary sound, piece by piece, as `listen` would.

    Args:
        recognizer: with a model that hears.
        recording: as for `recording.opened`; up to four hours.

    Raises:
        DataError: the model hears nothing.
        RecordingError: the recording cannot be read, or is shorter than a piece.
        MissingExtraError: what reads recordings is not installed.
    """
    piece_s, count, judged = _piece_s(recognizer), 0, []
    for some in _together(pieces(heard(recording), piece_s)):
        count += len(some)
        found = [one for (one,) in detect(recognizer.embedder, some)]
        judged += [one for one in found if one.vector is not None and not _doubted(one)]
    if not count:
        raise DataError(
            f"the ordinary sound is shorter than one piece, {piece_s:g} s", "Record hours of it"
        )
    vectors = stacked(judged) if judged else np.empty((0, recognizer.embedding_dim), np.float32)
    return Ordinary(count * piece_s / 2 / 3600, count, vectors)


def listen(
    recognizer: Recognizer,
    source: str | os.PathLike[str],
    known: Ordinary,
    an_hour: float,
    *,
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Tell of who or what is recognized in sound as it comes.

    One who is heard in pieces that follow one another is told of once.

    Args:
        recognizer: with a model that hears; it is not closed.
        source: a recording; or `-`, samples of a microphone from the standard input: 16 bits,
            signed, little-endian, 16 kHz, one channel.
        known: the ordinary sound of the place (`ordinary`).
        an_hour: how many false alarms an hour may be expected.
        stop: ends it when it is set.

    Yields:
        `Seen` for each alarm, and `Ended` at last.

    Raises:
        DataError: the model hears nothing, or no sample came.
        RateError: as for `Ordinary.allowed`.
        RecordingError: the recording cannot be read.
        MissingExtraError: what reads recordings is not installed.
    """
    piece_s = _piece_s(recognizer)
    known.allowed(an_hour)  # refused before anything is waited for
    number = 0

    def found() -> Iterator[Detected]:
        nonlocal number
        blocks = _samples(sys.stdin.buffer) if source == STDIN else heard(source)
        for piece in pieces(blocks, piece_s):
            if stop is not None and stop.is_set():
                return
            number += 1
            yield detect(recognizer.embedder, [piece])[0][0]

    for row, alarm, decision in alarms(recognizer, found(), known, an_hour):
        yield Seen(f"piece {row + 1}", row * piece_s / 2, alarm, decision)
    if not number:
        raise DataError(
            f"less than a piece of {piece_s:g} s was heard",
            "Check that the microphone is plugged in, and its program",
        )
    yield Ended(number, 0)


def alarms(
    recognizer: Recognizer, found: Iterable[Detected], known: Ordinary, an_hour: float
) -> Iterator[tuple[int, int, Decision]]:
    """Who or what is recognized in pieces of sound that follow one another.

    Args:
        recognizer: as for `listen`.
        found: what `detect` finds in each piece.
        known: as for `listen`.
        an_hour: likewise.

    Yields:
        Of each alarm the row of its piece, its number from 1 on, and the decision.

    Raises:
        RateError: as for `Ordinary.allowed`.
    """
    rate = known.allowed(an_hour) / (len(known.vectors) + 1)
    place = cast(Gallery, _Among(recognizer.gallery, known.vectors))
    among = Recognizer(recognizer.embedder, place, recognizer.model, recognizer.cohort_data)
    alarm, before = 0, None
    for row, one in enumerate(found):
        (decision,) = among.identify([one], rate)
        if decision.label is not None and decision.label != before:
            alarm += 1
            basis = decision.basis and replace(decision.basis, known="estimated")
            yield row, alarm, replace(decision, basis=basis)
        before = decision.label


class _Among:
    """A gallery whose own strangers are others."""

    def __init__(self, gallery: Gallery, vectors: Floats) -> None:
        self._gallery = gallery
        self._strangers = Strangers(-1, vectors, np.arange(len(vectors)))

    def snapshot(self) -> Snapshot:
        return replace(self._gallery.snapshot(), strangers=self._strangers)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gallery, name)


def _piece_s(recognizer: Recognizer) -> float:
    found = recognizer.embedder.domain.piece_s
    if found is None:
        raise DataError(
            f"the model of this gallery takes {recognizer.embedder.domain.takes}s, and hears no "
            "sound",
            "Name a gallery that was made with `--model words` or `--model voices`",
        )
    return found


def _doubted(one: Detected) -> bool:
    return bool(quality.serious(one.reasons))


def heard(source: ImageSource) -> Iterator[Floats]:
    """A recording as `listen` hears it: blocks float32 [n] at 16 kHz.

    Raises:
        RecordingError: it cannot be read.
        MissingExtraError: what reads recordings is not installed.
    """
    with listening(source) as sound:
        yield from resampled(sound, RATE_HZ, 1.0)


def _samples(stream: IO[bytes]) -> Iterator[Floats]:
    """Of a microphone, as they come."""
    rest = b""
    while block := stream.read(_BLOCK_BYTES):
        rest += block
        whole = len(rest) // 2 * 2
        yield np.frombuffer(rest[:whole], "<i2").astype(np.float32) / np.float32(2**15)
        rest = rest[whole:]


def pieces(blocks: Iterator[Floats], seconds: float) -> Iterator[Recording]:
    """Pieces of so many seconds, a half of each shared with the next."""
    half = round(seconds * RATE_HZ / 2)
    kept = np.empty(0, np.float32)
    for block in blocks:
        kept = np.concatenate([kept, block])
        while len(kept) >= 2 * half:
            yield Recording(kept[: 2 * half], RATE_HZ)
            kept = kept[half:]


def _together(found: Iterator[Recording]) -> Iterator[list[Recording]]:
    batch: list[Recording] = []
    for piece in found:
        batch.append(piece)
        if len(batch) == _SOME:
            yield batch
            batch = []
    if batch:
        yield batch
