"""Who stays in view is one visit, which is decided once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holotype.records import Answer, Decision, Reason, Sighting
from holotype.watching.frames import Frame
from holotype.watching.tracks import FRAMES, Tracks, Visit

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


def look(tracks: Tracks, seconds: float, *sightings: Sighting) -> list[Visit]:
    return tracks.follow(list(sightings), Frame(f"at {seconds}", seconds, b""))


def numbers(visits: list[Visit]) -> list[int]:
    return [visit.number for visit in visits]


def test_one_who_stays_or_moves_is_one_track() -> None:
    tracks = Tracks()
    assert look(tracks, 0.0, sighting(ADA)) == []
    assert look(tracks, 0.4, sighting(near(ADA, 0.95), (20, 0, 120, 100))) == []
    (visit,) = look(tracks, 1.0, sighting(near(ADA, 0.96), (400, 0, 500, 100)))
    assert (visit.number, len(visit.fit)) == (1, 3)
    assert look(tracks, 1.5, sighting(near(ADA, 0.95))) == []  # it was told of
    assert tracks.end() == []


def test_another_in_the_same_place_is_another_track() -> None:
    tracks = Tracks()
    look(tracks, 0.0, sighting(ADA))
    look(tracks, 0.1, sighting(near(ADA, 0.89)))  # 0.9 is the threshold of these decisions
    look(tracks, 0.2, sighting(BOB))
    assert numbers(tracks.end()) == [1, 2, 3]


def test_two_at_once_are_two() -> None:
    tracks = Tracks()
    both = [sighting(ADA), sighting(BOB, (300, 0, 400, 100))]
    look(tracks, 0.0, *both)
    look(tracks, 0.1, *both[::-1])
    assert [(visit.number, len(visit.fit)) for visit in tracks.end()] == [(1, 2), (2, 2)]


def test_a_visit_is_due_once_after_enough_frames_or_a_second_or_when_gone() -> None:
    tracks = Tracks()
    due = [look(tracks, 0.05 * at, sighting(ADA)) for at in range(3 * FRAMES)]
    assert [len(visits) for visits in due] == [0] * (FRAMES - 1) + [1] + [0] * 2 * FRAMES
    assert len(due[FRAMES - 1][0].fit) == FRAMES
    slow = Tracks()
    assert look(slow, 0.0, sighting(ADA)) == []
    assert numbers(look(slow, 1.0, sighting(ADA))) == [1]
    brief = Tracks()
    look(brief, 0.0, sighting(ADA))
    assert look(brief, 0.9) == []
    assert numbers(look(brief, 1.1)) == [1]
    assert brief.end() == []


def test_what_is_unfit_to_be_told_is_waited_out_and_told_only_where_nothing_better_comes() -> None:
    tracks = Tracks()
    look(tracks, 0.0, sighting(ADA, answer="cannot_tell"))
    assert look(tracks, 1.5, sighting(ADA, answer="cannot_tell")) == []
    look(tracks, 1.6, sighting(ADA))
    (visit,) = look(tracks, 2.7, sighting(ADA, answer="cannot_tell"))
    assert [frame.name for frame, _ in visit.fit] == ["at 1.6"]
    look(tracks, 3.0, sighting(BOB, answer="cannot_tell"))
    (never,) = tracks.end()
    assert never.fit == []
    assert never.doubtful is not None
    assert never.doubtful[0].name == "at 3.0"


def test_who_comes_back_is_new() -> None:
    tracks = Tracks()
    look(tracks, 0.0, sighting(ADA))
    assert numbers(look(tracks, 1.9, sighting(ADA))) == [1]
    look(tracks, 4.0, sighting(ADA))
    assert numbers(tracks.end()) == [2]


def test_whole_pictures_are_told_apart_by_their_vectors() -> None:
    tracks = Tracks()
    look(tracks, 0.0, sighting(ADA, None))
    look(tracks, 0.1, sighting(near(ADA, 0.98), None))
    look(tracks, 0.2, sighting(near(ADA, 0.9), None))
    assert [len(visit.fit) for visit in tracks.end()] == [2, 1]


def test_what_shows_nothing_is_passed_over() -> None:
    tracks = Tracks()
    assert look(tracks, 0.0, Sighting(sighting(ADA).decision, None)) == []
    assert tracks.end() == []
