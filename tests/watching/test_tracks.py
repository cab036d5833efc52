"""Who stays in view is told of once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holotype.records import Answer, Decision, Reason, Sighting
from holotype.watching.tracks import Tracks

ADA, BOB = (np.eye(8, dtype=np.float32)[i] for i in (0, 1))
Box = tuple[int, int, int, int]


def sighting(
    vector: NDArray[np.float32],
    box: Box | None = (0, 0, 100, 100),
    answer: Answer = "unknown",
    label: str | None = None,
) -> Sighting:
    decision = Decision(
        *(answer, label, 0.5, 0.9, "fpir", 0.01, (), None, 1.0, (Reason("test", "test"),)), box=box
    )
    return Sighting(decision, vector)


def near(vector: NDArray[np.float32], similarity: float) -> NDArray[np.float32]:
    other = np.eye(8, dtype=np.float32)[7]
    return np.asarray(similarity * vector + np.sqrt(1 - similarity**2) * other, dtype=np.float32)


def test_one_who_stays_or_moves_is_one_track() -> None:
    tracks = Tracks()
    assert [n for n, _ in tracks.follow([sighting(ADA)], 0.0)] == [1]
    assert tracks.follow([sighting(near(ADA, 0.95), (20, 0, 120, 100))], 0.5) == []
    assert tracks.follow([sighting(near(ADA, 0.96), (400, 0, 500, 100))], 1.0) == []


def test_another_in_the_same_place_is_another_track() -> None:
    tracks = Tracks()
    tracks.follow([sighting(ADA)], 0.0)
    # 0.9 is the threshold of these decisions.
    assert [n for n, _ in tracks.follow([sighting(near(ADA, 0.89))], 0.1)] == [2]
    assert [n for n, _ in tracks.follow([sighting(BOB)], 0.2)] == [3]


def test_two_at_once_are_two() -> None:
    tracks = Tracks()
    both = [sighting(ADA), sighting(BOB, (300, 0, 400, 100))]
    assert [n for n, _ in tracks.follow(both, 0.0)] == [1, 2]
    assert tracks.follow(both[::-1], 0.1) == []


def test_more_that_is_known_is_news_and_less_is_not() -> None:
    tracks, told = Tracks(), []
    answers: list[tuple[Answer, str | None]] = [
        *(("cannot_tell", None), ("unknown", None), ("cannot_tell", None), ("match", "Ada")),
        *(("unknown", None), ("match", "Ada"), ("match", "Eve"), ("match", "Eve")),
    ]
    for number, (answer, label) in enumerate(answers):
        news = tracks.follow([sighting(ADA, answer=answer, label=label)], 0.1 * number)
        told += [(track, s.decision.answer, s.decision.label) for track, s in news]
    assert told == [
        *((1, "cannot_tell", None), (1, "unknown", None), (1, "match", "Ada")),
        (1, "match", "Eve"),
    ]


def test_who_comes_back_is_new() -> None:
    tracks = Tracks()
    tracks.follow([sighting(ADA)], 0.0)
    assert tracks.follow([sighting(ADA)], 1.9) == []
    assert [n for n, _ in tracks.follow([sighting(ADA)], 4.0)] == [2]


def test_whole_pictures_are_told_apart_by_their_vectors() -> None:
    tracks = Tracks()
    tracks.follow([sighting(ADA, None)], 0.0)
    assert tracks.follow([sighting(near(ADA, 0.98), None)], 0.1) == []
    assert [n for n, _ in tracks.follow([sighting(near(ADA, 0.9), None)], 0.2)] == [2]


def test_what_shows_nothing_is_passed_over() -> None:
    nothing = Sighting(sighting(ADA).decision, None)
    assert Tracks().follow([nothing], 0.0) == []
