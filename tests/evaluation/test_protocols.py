from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.lazy import TurnedPictures
from holotype.datasets.splits import rotated
from holotype.errors import DataError
from holotype.evaluation import protocols
from holotype.evaluation.accuracy import evaluate
from holotype.evaluation.protocols import Plan, plan
from holotype.records import Episode


def reduced(raw: Sequence[Any]) -> np.ndarray:
    """Ink of 105 x 105 drawings at 15 x 15: float32 [b, 1, 15, 15]."""
    blocks = np.asarray(raw, np.float32).reshape(-1, 1, 15, 7, 15, 7)
    return 1 - blocks.mean(axis=(3, 5)) / 255


def pixels(episode: Episode) -> np.ndarray:
    """Minus the squared distance to the mean of the support."""
    support = episode.support.mean(axis=1).reshape(episode.n_way, -1)
    query = episode.query.reshape(len(episode.query), -1)
    return -((query[:, None] - support[None]) ** 2).sum(axis=2)


def test_each_picture_is_prepared_and_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "_CHUNK", 7)
    drawn = plan("evaluation", "digits", n_way=3, k_shot=2, n_query=4, episodes=30, seed=1)
    digits = load_dataset("digits")
    used = set(drawn.index.support.ravel()) | set(drawn.index.query.ravel())
    prepared, encoded, told = [], [], []

    def prepare(raw: Sequence[Any]) -> np.ndarray:
        prepared.append(len(raw))
        return np.asarray(raw, np.float32)[:, None] / 255

    def encode(batch: np.ndarray) -> np.ndarray:
        encoded.append(len(batch))
        assert batch.shape[1:] == (1, 8, 8)
        return batch.reshape(len(batch), 64)

    tasks = list(drawn.episodes(prepare, encode, lambda done, total: told.append((done, total))))
    assert sum(prepared) == sum(encoded) == len(used)
    assert max(prepared) == 7
    assert told[-1] == (len(used), len(used))
    for row, episode in enumerate(tasks):
        for place, picture in enumerate(drawn.index.query[row]):
            np.testing.assert_array_equal(
                episode.query[place], digits.images[picture].ravel() / np.float32(255)
            )


def test_quarter_turns_are_applied_to_the_prepared_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocols, "_CHUNK", 16)
    dataset = rotated(load_dataset("sample"), [3, 3, 5, 20], [1, 0, 2, 3])
    drawn = plan("evaluation", dataset, n_way=4, k_shot=3, n_query=17, episodes=2)
    assert isinstance(drawn.images, TurnedPictures)
    prepared: list[int] = []

    def prepare(raw: Sequence[Any]) -> np.ndarray:
        prepared.append(len(raw))
        return reduced(raw)

    tasks = list(drawn.episodes(prepare))
    assert sum(prepared) == 3 * 20  # of character 3, which is in two classes, once
    for row, episode in enumerate(tasks):
        np.testing.assert_allclose(
            episode.support, reduced(dataset.images[drawn.index.support[row]]).reshape(
                episode.support.shape
            )
        )  # fmt: skip


def test_a_folder_of_pictures_is_measured_like_any_data_set(tmp_path: Path) -> None:
    for shade in range(3):
        (tmp_path / f"shade {shade}").mkdir()
        for index in range(4):
            picture = Image.new("L", (8, 8), 100 * shade + index)
            picture.save(tmp_path / f"shade {shade}" / f"{index}.png")

    def prepare(raw: Sequence[Any]) -> np.ndarray:
        assert all(isinstance(path, Path) for path in raw)
        return np.stack([np.asarray(Image.open(path), np.float32) for path in raw])

    drawn = plan("evaluation", tmp_path, n_way=3, n_query=3, episodes=5)
    report = evaluate(pixels, drawn.episodes(prepare), protocol="evaluation", n_query=3)
    assert report.accuracy == 100.0


def test_pixels_beat_chance_within_an_alphabet() -> None:
    drawn = plan("within-alphabet", "sample", n_way=5, n_query=3, episodes=40, seed=0)
    sample = load_dataset("sample")
    assert all(len({sample.group[c] for c in row}) == 1 for row in drawn.index.class_id)
    report = evaluate(
        pixels, drawn.episodes(reduced), protocol=drawn.protocol, n_query=drawn.n_query
    )
    assert 30 < report.accuracy < 90


def test_what_is_not_said_has_a_default() -> None:
    drawn = plan("evaluation", "digits", episodes=3)
    assert drawn.index.support.shape == (3, 5, 1)
    assert drawn.n_query == 15
    assert len(plan("evaluation", "digits").index) == 1000


@pytest.mark.parametrize(
    ("protocol", "data", "numbers", "message"),
    [
        ("bpl", "digits", {}, "there is no protocol 'bpl'"),
        ("lake", "digits", {}, "defined on omniglot, not on 'digits'"),
        ("lake", "omniglot", {"n_way": 5}, "'lake' fixes n_way=20"),
        ("lake", "omniglot", {"episodes": 3}, "'lake' fixes episodes=20"),
        ("within-alphabet", "digits", {}, "belong to no alphabets"),
        ("evaluation", "digits", {"n_way": 11}, "needs 11 classes; 'digits' has 10"),
    ],
)
def test_what_a_protocol_cannot_give_is_refused(
    protocol: str, data: str, numbers: dict[str, int], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        plan(protocol, data, **numbers)


@pytest.mark.data
def test_vinyals_is_for_omniglot() -> None:
    with pytest.raises(DataError, match="which 'digits' does not have"):
        plan("vinyals", "digits")


@pytest.mark.data
def test_protocols_of_omniglot_draw_from_their_own_classes() -> None:
    omniglot = load_dataset("omniglot")
    assert len(plan("vinyals", omniglot, n_way=20, episodes=3).images) == 1692 * 20
    assert len(plan("evaluation", omniglot, n_way=20, episodes=3).images) == 659 * 20
    within = plan("within-alphabet", omniglot, n_way=20, episodes=3, seed=4)
    assert len(within.images) == 659 * 20
    lake = plan("lake", "omniglot", n_way=20, k_shot=1, episodes=20)
    assert (lake.n_query, len(lake.index)) == (1, 20)


@pytest.mark.data
def test_rotated_protocol_runs_on_few_pictures() -> None:
    drawn = plan("vinyals", "omniglot", n_way=5, n_query=2, episodes=3, seed=1)
    tasks = list(drawn.episodes(reduced))
    raw = drawn.images[drawn.index.query[2]]
    np.testing.assert_allclose(tasks[2].query, reduced(raw))


@pytest.mark.data
def test_lake_with_pixels_is_far_from_people() -> None:
    drawn = plan("lake", "omniglot")
    report = evaluate(pixels, drawn.episodes(reduced), protocol="lake", n_query=drawn.n_query)
    assert (report.episodes, report.n_way, report.k_shot) == (20, 20, 1)
    assert report.accuracy == pytest.approx(25.25, abs=0.26)


def test_a_plan_holds_raw_pictures() -> None:
    drawn = plan("evaluation", "digits", episodes=2)
    assert isinstance(replace(drawn, n_query=1), Plan)
    assert drawn.images[0].dtype == np.uint8
