"""The contract of a method, run over every entry of METHODS."""

from __future__ import annotations

import inspect
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from toys import BUILDS, SIZE_PX, SLOW, build, toy_batch, toy_episode

from holotype.train.export import export_onnx
from holotype.train.feature_comparison import asked
from holotype.train.method import Method
from holotype.train.methods.metric.scratch import FromScratch
from holotype.train.registry import METHODS
from holotype.train.settings import TrainingSettings
from holotype.train.training import train


@pytest.fixture(params=BUILDS)
def method(request: pytest.FixtureRequest) -> Method:
    return build(request.param).eval()


def trained(method: Method, out: Path, steps: int | None = None) -> list[float]:
    enough, rate = SLOW.get(type(method), (40, 0.02))
    settings = TrainingSettings(steps or enough, learning_rate=rate, schedule="constant")
    return train(method, toy_batch, settings, out).loss


def test_every_method_is_tested() -> None:
    assert {name for name, _ in BUILDS.values()} == METHODS.keys()
    for key, (name, _) in BUILDS.items():
        assert type(build(key)) is METHODS[name].load()


@pytest.mark.parametrize("name", METHODS)
def test_a_card_says_what_the_class_is(name: str) -> None:
    card = METHODS[name]
    kind = card.load()
    assert card.makes_pack == (kind.embedder is not Method.embedder)
    assert card.texts()[0] == (inspect.getdoc(kind) or "").partition("\n")[0].rstrip(".")


@pytest.mark.parametrize("k_shot", [1, 5])
def test_scores_are_finite_and_shaped(method: Method, k_shot: int) -> None:
    batch = toy_batch(0, k_shot=k_shot, n_query=3)
    scores = method.scores(batch)
    assert scores.shape == (2, 15, 5)
    assert scores.dtype == torch.float32
    assert scores.isfinite().all()
    if method.trainable:
        loss = method.loss(batch)
        assert loss.shape == ()
        assert loss.isfinite()


def test_asked_twice_it_answers_the_same(method: Method) -> None:
    assert torch.equal(method.scores(toy_batch(0)), method.scores(toy_batch(0)))


def test_permuting_the_classes_permutes_the_columns(method: Method) -> None:
    if method.order_dependent:
        pytest.skip("declared: the order of the classes matters to it")
    batch = toy_batch(0)
    order = torch.tensor([3, 0, 4, 1, 2])
    permuted = replace(batch, support=batch.support[:, order])
    near = 1e-3 if isinstance(method, FromScratch) else 1e-5  # 40 steps let rounding grow
    torch.testing.assert_close(
        method.scores(permuted), method.scores(batch)[..., order], atol=near, rtol=near
    )


def test_the_labels_of_the_queries_are_not_read(method: Method) -> None:
    batch = toy_batch(0)
    scores = method.scores(batch)
    assert torch.equal(scores, method.scores(replace(batch, query_class=4 - batch.targets())))
    assert torch.equal(scores, method.scores(replace(batch, query_class=None, class_id=None)))


def test_features_encoded_beforehand_score_the_same(method: Method) -> None:
    encode, scores = asked(method)
    episode = toy_episode(0, k_shot=2)
    if encode is None:
        assert scores == method.episode_scores
        return
    encoded = replace(
        episode,
        support=encode(episode.support.reshape(-1, *episode.support.shape[2:])).reshape(
            *episode.support.shape[:2], *encode(episode.query).shape[1:]
        ),
        query=encode(episode.query),
    )
    np.testing.assert_allclose(
        scores(encoded), method.episode_scores(episode), atol=1e-4, rtol=1e-4
    )


def test_queries_one_at_a_time_score_the_same(method: Method) -> None:
    if method.transductive:
        pytest.skip("declared: the queries are answered together")
    batch = toy_batch(0)
    apart = [
        method.scores(replace(batch, query=batch.query[:, i : i + 1]))
        for i in range(batch.query.shape[1])
    ]
    torch.testing.assert_close(torch.cat(apart, 1), method.scores(batch), atol=1e-5, rtol=1e-5)


@pytest.mark.slow
def test_a_separable_toy_is_solved(method: Method, tmp_path: Path) -> None:
    if method.trainable:
        trained(method, tmp_path / "run")
    right = []
    for k_shot, seed in product([1, 5], range(10)):
        episode = toy_episode(10**6 + seed, k_shot=k_shot)
        scores = method.episode_scores(episode.unlabeled())
        assert scores.shape == (10, 5)
        right.extend(scores.argmax(1) == episode.query_class)
    # Not all: training ends a little elsewhere on every kind of processor. Chance is 0.2.
    assert np.mean(right) > 0.9


def test_ten_steps_lower_the_loss_on_fixed_episodes(method: Method, tmp_path: Path) -> None:
    if not method.trainable:
        pytest.skip("declared: nothing to train")
    if type(method) in SLOW:
        pytest.skip("declared: it takes more than ten steps to learn anything")
    settings = TrainingSettings(10, learning_rate=0.01, schedule="constant")
    loss = train(method, lambda step: toy_batch(0), settings, tmp_path / "run").loss
    assert loss[-1] < 0.9 * loss[0]


@pytest.mark.parametrize("name", BUILDS)
def test_the_same_seed_gives_the_same_history(name: str, tmp_path: Path) -> None:
    one, again = build(name), build(name)
    if not one.trainable:
        pytest.skip("declared: nothing to train")
    assert trained(one, tmp_path / "one", 8) == trained(again, tmp_path / "again", 8)
    for a, b in zip(one.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.slow
def test_the_exported_embedder_agrees_with_torch(method: Method) -> None:
    embedder = method.embedder()
    if embedder is None:
        pytest.skip("it has no embedding, and is not exported")
    images = toy_batch(0).images()
    model = export_onnx(embedder, (1, SIZE_PX, SIZE_PX))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (name,) = (entry.name for entry in session.get_inputs())
    with torch.inference_mode():
        expected = embedder(images).numpy()
    for count in (1, 2, len(images)):
        (vectors,) = session.run(None, {name: images[:count].numpy()})
        np.testing.assert_allclose(vectors, expected[:count], atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert session.get_inputs()[0].shape[1:] == [1, SIZE_PX, SIZE_PX]
