"""OneShotClassifier: a scikit-learn estimator in every respect, on features and on pictures."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import holotype
from holotype.errors import ImageError, PackError
from holotype.estimator import OneShotClassifier
from holotype.extras import install
from toy_packs import make_toy_pack, toy_drawing


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_toy_pack(tmp_path_factory.mktemp("packs") / "toy")


def drawings(drawers: range) -> tuple[np.ndarray, np.ndarray]:
    pictures = [toy_drawing(character, drawer) for character in range(6) for drawer in drawers]
    return np.stack(pictures), np.repeat([f"c{i}" for i in range(6)], len(drawers))


# Checks that scikit-learn skips for everybody where a package or a switch is not there.
MAY_BE_SKIPPED = {
    "check_array_api_input": "SCIPY_ARRAY_API is not set",
    "check_classifier_data_not_an_array": "pandas is not installed",
}


def test_every_check_of_scikit_learn_passes() -> None:
    results = check_estimator(OneShotClassifier(model=None), on_skip=None)
    for result in results:
        reason = MAY_BE_SKIPPED.get(result["check_name"], "never")
        assert result["status"] == "passed" or (
            result["status"] == "skipped" and reason in str(result["exception"])
        ), result
    assert sum(result["status"] == "passed" for result in results) > 40


def test_features_go_to_the_nearest_mean_with_the_softmax_of_the_paper() -> None:
    model = OneShotClassifier(model=None).fit([[0, 0], [0, 2], [4, 1]], ["a", "a", "b"])
    np.testing.assert_array_equal(model.prototypes_, [[0, 1], [4, 1]])
    assert model.predict([[1, 1], [3, 1]]).tolist() == ["a", "b"]
    # Squared distances 2.25 and 6.25 at (1.5, 1): exp(-2.25) / (exp(-2.25) + exp(-6.25)).
    np.testing.assert_allclose(
        model.predict_proba([[1.5, 1]]), [[1 / (1 + np.exp(-4)), 0.01798621]]
    )


def test_examples_and_classes_may_come_at_any_time() -> None:
    model = OneShotClassifier(model=None)
    model.partial_fit([[0.0, 0.0]], ["b"])
    assert model.predict([[9.0, 9.0]]).tolist() == ["b"]
    model.partial_fit([[4.0, 0.0]], ["a"], classes=["a", "b", "z"])
    assert model.classes_.tolist() == ["a", "b", "z"]
    np.testing.assert_allclose(model.predict_proba([[2.0, 0.0]]), [[0.5, 0.5, 0.0]])
    model.partial_fit([[2.0, 0.0]], ["a"])
    assert model.counts_.tolist() == [2, 1, 0]
    at_once = OneShotClassifier(model=None).fit([[0, 0], [4, 0], [2, 0]], ["b", "a", "a"])
    np.testing.assert_array_equal(model.prototypes_[:2], at_once.prototypes_)


def test_pictures_are_enrolled_through_a_pack(pack: Path) -> None:
    model = OneShotClassifier(pack).fit(*drawings(range(1)))
    pictures, labels = drawings(range(1, 4))
    assert model.score(pictures, labels) > 0.6  # chance is 0.17
    proba = model.predict_proba(pictures)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(model.classes_[proba.argmax(1)], model.predict(pictures))
    np.testing.assert_allclose(np.linalg.norm(model.prototypes_, axis=1), 1)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(pictures), proba)
    with pytest.raises(NotFittedError):
        clone(model).predict(pictures)


def test_the_answers_are_those_of_the_recognizer(pack: Path, tmp_path: Path) -> None:
    pictures, labels = drawings(range(2))
    model = OneShotClassifier(pack).fit(pictures, labels)
    queries, _ = drawings(range(2, 4))
    with holotype.open(tmp_path / "g.gallery", model=pack) as recognizer:
        for picture, label in zip(pictures, labels, strict=True):
            recognizer.enroll(str(label), picture)
        nearest = [
            recognizer.identify(picture, fpir=0.4).candidates[0].label for picture in queries
        ]
    assert model.predict(queries).tolist() == nearest


def test_it_serves_in_pipelines_folds_and_searches(pack: Path) -> None:
    pictures, labels = drawings(range(4))
    assert cross_val_score(OneShotClassifier(pack), pictures, labels, cv=2).mean() > 0.6
    paths_or_none = {"oneshotclassifier__model": [None]}
    flat = pictures.reshape(len(pictures), -1)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), OneShotClassifier(model=None)), paths_or_none, cv=2
    )
    assert search.fit(flat, labels).best_score_ > 0.5
    other = make_toy_pack(pack.parent / "other", dim=2)
    by_model = GridSearchCV(OneShotClassifier(), {"model": [other, pack]}, cv=2)
    assert by_model.fit(pictures, labels).best_params_ == {"model": pack}


def test_probabilities_are_worth_what_they_say(pack: Path) -> None:
    model = OneShotClassifier(pack).fit(*drawings(range(1)))
    pictures, labels = drawings(range(1, 20))
    proba = model.predict_proba(pictures)
    right = proba[np.arange(len(labels)), np.searchsorted(model.classes_, labels)]
    flat = np.log(6)
    assert -np.log(right).mean() < 0.8 * flat  # it knows more than nothing
    assert abs(proba.max(1).mean() - (proba.argmax(1) == np.repeat(range(6), 19)).mean()) < 0.2


def test_bad_input_is_refused_by_name(pack: Path, tmp_path: Path) -> None:
    features = OneShotClassifier(model=None)
    with pytest.raises(ValueError, match="contains NaN"):
        features.fit([[np.nan, 1.0], [0.0, 1.0]], [0, 1])
    with pytest.raises(ValueError, match="y holds one class"):
        features.fit([[0.0], [1.0]], ["a", "a"])
    pictures, labels = drawings(range(1))
    with pytest.raises(ValueError, match="6 pictures have 5 labels"):
        OneShotClassifier(pack).fit(pictures, labels[:5])
    with pytest.raises(ImageError):
        OneShotClassifier(pack).fit(["missing.png", "too.png"], ["a", "b"])
    with pytest.raises(ImageError):
        OneShotClassifier(pack).fit(np.full((2, 8, 8), np.nan), ["a", "b"])
    with pytest.raises(PackError):
        OneShotClassifier(tmp_path / "none").fit(pictures, labels)
    moved = make_toy_pack(tmp_path / "moved")
    model = OneShotClassifier(moved).fit(pictures, labels)
    moved.rename(tmp_path / "before")
    make_toy_pack(tmp_path / "moved", seed=1)
    with pytest.raises(PackError, match="were embedded by model"):
        model.predict(pictures)


def test_the_shipped_model_is_the_default() -> None:
    model = holotype.OneShotClassifier()
    assert model.get_params() == {"model": "characters"}
    pictures, labels = drawings(range(1))
    assert model.fit(pictures, labels).score(*drawings(range(1, 2))) == 1


@pytest.mark.parametrize("blocked", [True, False])
def test_scikit_learn_is_an_extra(blocked: bool) -> None:
    program = f"""
import sys
if {blocked}:
    sys.modules["sklearn"] = None
import holotype
from holotype import *
print("sklearn.base" in sys.modules)
try:
    holotype.OneShotClassifier
except holotype.HolotypeError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = f"OneShotClassifier needs scikit-learn, which is not installed. {install('sklearn')}.\n"
    assert done.stdout == "False\n" + (said if blocked else "")
