"""One-shot classification as scikit-learn has it: fit enrolls, and nothing is retrained."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holotype.embedder import Embedder
from holotype.errors import DataError, PackError
from holotype.extras import Extra
from holotype.pack import Pack, load_pack
from holotype.stats.scoring import unit
from holotype.stats.temperature import inverse_temperature

with Extra("sklearn", ("sklearn",), "OneShotClassifier needs scikit-learn").required():
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import Tags, column_or_1d
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data


class OneShotClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classes from one or a few examples each, by the nearest prototype.

    With a model pack, X are pictures (a list or array of what `images.read` takes) and a class is
    the renormalized mean of its embeddings, as the Recognizer has it. With `model=None`, X are
    features [n_samples, n_features] and a class is their mean; the nearest by squared Euclidean
    distance wins (Snell et al. 2017, equations 1 and 2).

    Unlike the Recognizer it answers with one of the classes whatever it is shown.

    Args:
        model: name of a shipped pack or path of a pack folder; None for features.

    Attributes:
        classes_: [C] the labels, sorted.
        counts_: int64 [C], examples of each class so far.
        prototypes_: float64 [C, D], what stands for each class; NaN where it has no examples.
        n_features_in_: D, for features alone.
        model_id_: of the pack that embedded the examples, for pictures alone.
    """

    def __init__(self, model: str | Path | None = "characters") -> None:
        self.model = model

    def fit(self, X: Any, y: ArrayLike) -> OneShotClassifier:  # noqa: N803 - sklearn's name
        """Enroll, in place of whatever was enrolled before.

        Args:
            X: pictures [B], or features [B, D].
            y: [B] labels, of two classes at least.

        Raises:
            ValueError: of the kinds that scikit-learn knows: NaN, unequal lengths, one class.
            ImageError: a picture cannot be read or holds nothing.
            PackError: the model pack is missing, altered or broken.
        """
        vectors, labels = self._checked(X, y, first=True)
        classes = np.unique(labels)
        if len(classes) < 2:
            raise ValueError(
                f"y holds one class, {classes[0]!r}; to tell classes apart takes 2. Add examples "
                "of another class, or begin with partial_fit and add it later."
            )
        self._start(classes, vectors.shape[1])
        self._add(vectors, labels)
        return self

    def partial_fit(
        self,
        X: Any,  # noqa: N803
        y: ArrayLike,
        classes: ArrayLike | None = None,
    ) -> OneShotClassifier:
        """Enroll more examples, of known classes or of new ones.

        Args:
            X: pictures [B], or features [B, D].
            y: [B] labels.
            classes: labels that are to come. None is needed: a class may come at any time.

        Raises:
            ValueError, ImageError, PackError: as for `fit`.
        """
        first = not hasattr(self, "classes_")
        vectors, labels = self._checked(X, y, first=first)
        named = np.unique(labels)
        if classes is not None:
            named = np.unique(np.concatenate([named, np.asarray(classes)]))
        if first:
            self._start(named, vectors.shape[1])
        else:
            self._widen(named)
        self._add(vectors, labels)
        return self

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The label of the nearest prototype for each of X: [B]."""
        scores = self._scores(X)
        return np.asarray(self.classes_[scores.argmax(axis=1)])

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """How probable each class is, given that it is one of them: float64 [B, C].

        For features, the softmax of equation 2. For pictures it is sharpened as far as makes it
        true of the pack's cohort, in episodes of as many classes and examples.
        """
        scores = self._scores(X)
        if self.model is not None:
            enrolled = self.counts_[self.counts_ > 0]
            pack = self._pack()
            shots = int(np.median(enrolled))
            scores = scores * _sharpness(pack.path, pack.card.model_id, len(enrolled), shots)
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))

    @property
    def prototypes_(self) -> NDArray[np.float64]:
        """What stands for each class: float64 [C, D]."""
        check_is_fitted(self, "classes_")
        with np.errstate(invalid="ignore"):
            means = self._sums / self.counts_[:, None]
        if self.model is None:
            return np.asarray(means)
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True))

    def __sklearn_tags__(self) -> Tags:
        """Features are a matrix; pictures are anything that can be read as one."""
        tags = super().__sklearn_tags__()
        if self.model is not None:
            tags.input_tags.two_d_array = False
            tags.input_tags.three_d_array = True
            tags.input_tags.string = True
        return tags

    def _checked(
        self,
        X: Any,  # noqa: N803
        y: ArrayLike,
        *,
        first: bool,
    ) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """Features or embeddings float64 [B, D], and labels [B]."""
        if self.model is None:
            features, labels = validate_data(self, X, y, reset=first, dtype=np.float64)
            check_classification_targets(labels)
            return features, labels
        labels = column_or_1d(y)
        check_classification_targets(labels)
        if len(X) != len(labels):
            raise ValueError(f"{len(X)} pictures have {len(labels)} labels. Pass one for each.")
        return self._embedded(X, first=first), labels

    def _embedded(self, pictures: Sequence[Any], *, first: bool) -> NDArray[np.float64]:
        if len(pictures) == 0:
            raise ValueError("there are no pictures. Pass at least one.")
        pack = self._pack()
        if first:
            self.model_id_ = pack.card.model_id
        elif pack.card.model_id != self.model_id_:
            raise PackError(
                f"the examples were embedded by model {self.model_id_}; "
                f"{str(self.model)!r} is now {pack.card.model_id}",
                "Fit anew, or restore the pack",
            )
        vectors = _embedder(pack.path, pack.card.model_id).embed(list(pictures))
        return np.asarray(vectors, np.float64)

    def _pack(self) -> Pack:
        if self.model is None:
            raise DataError("features have no model pack", "Pass the model that embeds pictures")
        return load_pack(self.model)

    def _start(self, classes: NDArray[Any], dim: int) -> None:
        self.classes_ = classes
        self.counts_ = np.zeros(len(classes), np.int64)
        self._sums = np.zeros((len(classes), dim))

    def _widen(self, named: NDArray[Any]) -> None:
        classes = np.unique(np.concatenate([self.classes_, named]))
        if len(classes) == len(self.classes_):
            return
        known = np.searchsorted(classes, self.classes_)
        counts, sums = self.counts_, self._sums
        self._start(classes, sums.shape[1])
        self.counts_[known], self._sums[known] = counts, sums

    def _add(self, vectors: NDArray[np.float64], labels: NDArray[Any]) -> None:
        owner = np.searchsorted(self.classes_, labels)
        np.add.at(self._sums, owner, vectors)
        np.add.at(self.counts_, owner, 1)

    def _scores(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """float64 [B, C], higher is better; a class without examples has -inf."""
        check_is_fitted(self, "classes_")
        prototypes = self.prototypes_
        if self.model is None:
            features = validate_data(self, X, reset=False, dtype=np.float64)
            # Differences, not the expanded square: that one cancels digits where they are small.
            scores = np.stack([-np.square(features - one).sum(axis=1) for one in prototypes], 1)
        else:
            scores = unit(self._embedded(X, first=False)).astype(np.float64) @ prototypes.T
        return np.where(self.counts_ > 0, scores, -np.inf)


@lru_cache(maxsize=4)
def _embedder(path: Path, model_id: str) -> Embedder:
    """One session for all clones: a grid search makes dozens."""
    return Embedder(load_pack(path))


@lru_cache(maxsize=64)
def _sharpness(path: Path, model_id: str, n_way: int, k_shot: int) -> float:
    return inverse_temperature(*load_pack(path).cohort(), n_way, k_shot)
