from __future__ import annotations

import numpy as np
import pytest

from holotype.errors import DataError, TrainingError
from holotype.train.methods.meta.regressor import MetaRegressor


def lines(seed: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """y = a x + 100 with a slope of each task's own."""
    rng = np.random.default_rng(seed)
    tasks = []
    for _ in range(count):
        x = rng.uniform(0, 10, rng.integers(8, 12))
        tasks.append((x, rng.uniform(-2, 2) * x + 100))
    return tasks


@pytest.mark.slow
@pytest.mark.parametrize("method", ["maml", "meta-sgd", "cnp"])
def test_a_few_points_of_a_line_are_enough(method: str) -> None:
    regressor = MetaRegressor(method, k_shot=3, steps=150).fit(lines(0, 100))
    errors, flat = [], []
    for x, y in lines(1, 40):
        adapted = regressor.adapt(x[:3], y[:3])
        errors.append(np.mean((adapted.predict(x[3:]) - y[3:]) ** 2))
        flat.append(np.mean((y[:3].mean() - y[3:]) ** 2))
    assert np.mean(errors) < 0.5 * np.mean(flat)


def test_shapes_follow_what_was_given_and_two_fits_agree() -> None:
    table = [(x[:, None], np.stack([y, -y], 1)) for x, y in lines(0, 5)]
    one, two = (MetaRegressor("cnp", k_shot=3, steps=3).fit(table) for _ in range(2))
    x, y = table[0]
    mean, deviation = one.adapt(x[:3], y[:3]).predict(x, return_std=True)
    assert mean.shape == deviation.shape == y.shape
    np.testing.assert_array_equal(mean, two.adapt(x[:3], y[:3]).predict(x))
    flat = MetaRegressor("maml", k_shot=3, steps=1).fit(lines(0, 5))
    adapted = flat.adapt([1.0, 2.0], [100.0, 101.0])
    assert adapted.predict([3.0]).shape == (1,)
    with pytest.raises(TrainingError, match="states no standard deviation"):
        adapted.predict([3.0], return_std=True)


def test_what_cannot_be_learned_is_refused() -> None:
    with pytest.raises(TrainingError, match="k_shot=0 is below 1"):
        MetaRegressor(k_shot=0)
    regressor = MetaRegressor("maml", k_shot=3, steps=1)
    with pytest.raises(TrainingError, match="nothing was learned yet"):
        regressor.adapt([1.0], [1.0])
    with pytest.raises(DataError, match="no tasks"):
        regressor.fit([])
    with pytest.raises(DataError, match="a task has 3 points"):
        regressor.fit([([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])])
    with pytest.raises(DataError, match="task 0 has 2 inputs and 1 values"):
        regressor.fit([([1.0, 2.0], [1.0])])
    with pytest.raises(DataError, match="not finite"):
        regressor.fit([([1.0, np.nan], [1.0, 2.0])])
    with pytest.raises(TrainingError, match="method='gp' is none of"):
        MetaRegressor("gp", k_shot=3).fit(lines(0, 2))  # type: ignore[arg-type]
    regressor.fit(lines(0, 5))
    with pytest.raises(DataError, match="2 inputs and 1 outputs; the family has 1 and 1"):
        regressor.adapt([[1.0, 2.0]], [1.0])
    with pytest.raises(DataError, match="task has 0 inputs"):
        regressor.adapt([], [])
