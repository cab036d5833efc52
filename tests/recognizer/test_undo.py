"""After an undo, every decision is the same to the last bit."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import holotype
from holotype.errors import GalleryError
from holotype.recognizer import calibrate, feedback

DIM = 8
PEOPLE = np.random.default_rng(0).standard_normal((14, DIM)).astype(np.float32)


def shown(draw: random.Random, count: int = 1) -> np.ndarray:
    """Pictures of somebody, some of them hardly like that one."""
    who = draw.randrange(len(PEOPLE))
    noise = np.random.default_rng(draw.getrandbits(32)).standard_normal((count, DIM))
    rows = PEOPLE[who] + draw.choice([0.2, 0.8]) * noise
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def answers(desk: holotype.Recognizer, probes: np.ndarray) -> list[tuple[object, ...]]:
    """What everybody is answered, and under each claim, but for the signed ids."""
    found = [
        *desk.identify(vectors=probes),
        *(
            desk.verify(label, vectors=probe)
            for label, probe in zip(desk.list(), probes, strict=False)
        ),
    ]
    if any("staff" in tags for tags in desk.state.snapshot.tags.values()):
        found += desk.identify(vectors=probes, tag="staff")
    return [tuple(getattr(one, name) for name in one.__slots__ if name != "id") for one in found]


def change(desk: holotype.Recognizer, name: str, draw: random.Random) -> None:
    gallery = desk.gallery
    label = draw.choice(list(desk.list()))
    match name:
        case "enroll":
            tags = draw.choice([(), ("staff",)])
            new = f"p{draw.getrandbits(32)}"
            desk.enroll(draw.choice([new, label]), vectors=shown(draw, 2), tags=tags)
        case "rename":
            gallery.rename(label, f"p{draw.getrandbits(32)}")
        case "merge":
            if (into := draw.choice(list(desk.list()))) != label:
                gallery.merge(label, into)
        case "move":
            example = draw.choice(gallery.examples())
            to = draw.choice([label, f"p{draw.getrandbits(32)}"])
            if to != example.label:
                gallery.move(example.id, to)
        case "describe":
            gallery.describe(label, add=["staff"], quiet=draw.choice([True, False]))
        case "calibrate":
            calibrate(
                desk, vectors=np.concatenate([shown(draw) for _ in range(6)]), suspects="keep"
            )
        case _:
            probe = shown(draw)[0]
            decision = desk.identify(vectors=probe)
            correct = draw.choice([True, False])
            told = {} if correct else draw.choice([{}, {"truth": label}, {"stranger": True}])
            with suppress(GalleryError):  # a contradiction
                feedback(desk, decision, correct, vectors=probe, **told)


@given(
    st.integers(0, 2**32),
    st.lists(
        st.sampled_from(
            ["enroll", "rename", "merge", "move", "describe", "calibrate", "feedback", "feedback"]
        ),
        min_size=1,
        max_size=12,
    ),
)
@settings(deadline=None, max_examples=25)
def test_decisions_are_the_same_bit_for_bit(tmp_path_factory, seed: int, names: list[str]) -> None:
    draw = random.Random(seed)
    path = tmp_path_factory.mktemp("undo") / "g"
    probes = np.concatenate([shown(draw) for _ in range(20)])
    with holotype.open(path, dim=DIM) as desk:
        for _ in range(5):
            desk.enroll(f"p{draw.getrandbits(32)}", vectors=shown(draw, 2))
        states = [answers(desk, probes)]
        for name in names:
            before = len(desk.gallery.audit())
            change(desk, name, draw)
            if len(desk.gallery.audit()) > before:
                states.append(answers(desk, probes))
        while len(states) > 1:
            desk.gallery.undo()
            states.pop()
            assert answers(desk, probes) == states[-1]  # followed, change by change
            with holotype.open(path) as fresh:
                assert answers(fresh, probes) == states[-1]
        assert len(desk.list()) == 5


@pytest.mark.parametrize("name", ["rename", "merge", "move", "describe", "feedback"])
def test_a_pack_s_gallery_as_well(desk: holotype.Recognizer, name: str, tmp_path: Path) -> None:
    """Where the model's cohort sets thresholds, with pictures."""
    from toy_packs import toy_drawing

    probes = [toy_drawing(character, drawer=1) for character in (0, 1, 2, 200)]

    def told() -> list[tuple[object, ...]]:
        return [
            tuple(getattr(one, field) for field in one.__slots__ if field != "id")
            for stated in (None, 0.1)
            for one in desk.identify(probes, stated)
        ]

    before = told()
    match name:
        case "rename":
            desk.gallery.rename("c1", "Ada")
        case "merge":
            desk.gallery.merge("c1", "c2")
        case "move":
            desk.gallery.move(2, "c0")
        case "describe":
            desk.gallery.describe("c1", quiet=True)
        case _:
            wrong = desk.identify(probes[1], 0.1)
            given = feedback(desk, wrong, correct=False, image=probes[1], stranger=True)
            assert given.strangers == 1
    assert told() != before
    desk.gallery.undo()
    assert told() == before
