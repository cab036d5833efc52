from __future__ import annotations

import numpy as np
import pytest

from holotype.errors import DataError
from holotype.evaluation.accuracy import credit, evaluate
from holotype.records import Episode


def episode(query_class: list[int], n_way: int = 2, k_shot: int = 1) -> Episode:
    """Pictures of one number: the class itself."""
    labels = np.array(query_class)
    support = np.tile(np.arange(n_way, dtype=float)[:, None, None], (1, k_shot, 1))
    return Episode(support, labels[:, None].astype(float), labels, np.arange(n_way))


def nearest(seen: Episode) -> np.ndarray:
    return -np.abs(seen.query - seen.support[:, 0, 0][None])


def test_a_report_holds_mean_interval_and_each_episode() -> None:
    # Right on 4, 2 and 3 of 4 queries: 100, 50 and 75 %.
    wrong = iter([0, 2, 1])

    def scores(seen: Episode) -> np.ndarray:
        answer = nearest(seen)
        count = next(wrong)
        answer[:count] *= -1
        return answer

    report = evaluate(scores, [episode([0, 1, 1, 0])] * 3, protocol="p", n_query=2)
    assert report.per_episode.tolist() == [100.0, 50.0, 75.0]
    assert report.accuracy == 75.0
    assert report.ci95 == pytest.approx(1.96 * 25 / np.sqrt(3))
    assert (report.n_way, report.k_shot, report.n_query, report.episodes) == (2, 1, 2, 3)
    assert report.protocol == "p"
    assert report.seconds >= 0


def test_labels_and_class_ids_are_withheld() -> None:
    def scores(seen: Episode) -> np.ndarray:
        assert seen.query_class is None
        assert seen.class_id is None
        return nearest(seen)

    assert evaluate(scores, [episode([1, 0])] * 2, protocol="p", n_query=1).accuracy == 100.0


def test_a_scorer_that_knows_nothing_is_at_chance() -> None:
    tasks = [episode([0, 0, 0, 1, 2, 3, 1, 1, 2, 2, 3, 3], n_way=4)] * 2
    report = evaluate(lambda seen: np.zeros((12, 4)), tasks, protocol="p", n_query=3)
    assert report.accuracy == 25.0


def test_a_tie_counts_what_a_random_choice_among_the_best_would() -> None:
    scores = np.array([[1, 1, 0], [1, 1, 0], [0, 2, 1], [3, 3, 3]])
    assert credit(scores, np.array([0, 2, 1, 2])).tolist() == [0.5, 0, 1, pytest.approx(1 / 3)]


def test_renaming_the_classes_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    scores, labels, order = rng.random((9, 3)), rng.integers(0, 3, 9), np.array([2, 0, 1])
    renamed = np.argsort(order)[labels]
    np.testing.assert_array_equal(credit(scores, labels), credit(scores[:, order], renamed))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.zeros((2, 4)), r"have shape \(2, 4\)"),
        (np.zeros(4), r"have shape \(4,\)"),
        (np.full((4, 2), np.nan), "not finite"),
        (np.full((4, 2), np.inf), "not finite"),
    ],
)
def test_unusable_scores_are_refused(answer: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        evaluate(lambda seen: answer, [episode([0, 1, 1, 0])] * 2, protocol="p", n_query=2)


def test_unusable_episodes_are_refused() -> None:
    good = episode([0, 1])
    for tasks, n_query, message in [
        ([], 1, "episodes=0 gives no interval"),
        ([good], 1, "episodes=1 gives no interval"),
        ([good, good.unlabeled()], 1, "episode 1 has no query labels"),
        ([good, episode([0, 1], k_shot=2)], 1, "episode 1 has 2 classes, 2 examples"),
        ([good, good], 3, "6 are expected"),
    ]:
        with pytest.raises(DataError, match=message):
            evaluate(nearest, tasks, protocol="p", n_query=n_query)
