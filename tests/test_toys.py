"""What a new method, data set, domain or store touches: a toy of each is really added, and counted.

The house is copied as links, so that what a toy adds leaves no trace; the files that it makes or
changes are counted, the line in CHANGELOG aside. CONTRIBUTING states the same numbers.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from hanging import HANGS_S

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


class House:
    """The project as links into it, and which of its files a toy made or changed."""

    def __init__(self, root: Path) -> None:
        self.root, self.touched = root, set[str]()
        for part in ("src", "tests"):
            shutil.copytree(ROOT / part, root / part, copy_function=os.symlink)
        for file in ("pyproject.toml", "constraints.txt"):
            (root / file).symlink_to(ROOT / file)

    def add(self, file: str, text: str) -> None:
        """A new file."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.touched.add(file)

    def put(self, file: str, before: str, line: str) -> None:
        """A line more in a file, in front of another."""
        path = self.root / file
        text = path.read_text()
        assert text.count(before) == 1, (file, before)
        path.unlink()
        path.write_text(text.replace(before, line + before))
        self.touched.add(file)

    def run(self, *arguments: str) -> str:
        """What Python says in there."""
        path = os.pathsep.join(str(self.root / part) for part in ("src", "tests", "tests/train"))
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=HANGS_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def places(self) -> set[str]:
        """What was touched; a folder that holds nothing else counts as one."""
        return {re.sub(r"(domains/toys)/.*", r"\1", file) for file in self.touched}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "house")


def stated(section: str) -> int:
    """How many places CONTRIBUTING says that a toy touches."""
    (number,) = re.findall(rf"## {section}\n\nTouches (\d+) ", CONTRIBUTING)
    return int(number)


def require(house: House, section: str, most: int) -> None:
    assert len(house.places()) == stated(section) <= most, sorted(house.places())


METHOD = '''"""A toy: the mean picture of each class."""

from __future__ import annotations

import torch
from torch import Tensor

from holotype.train.batches import EpisodeBatch
from holotype.train.method import Method


class MeanPicture(Method):
    """Classes by the mean of their pictures."""

    trainable = False

    def loss(self, batch: EpisodeBatch) -> Tensor:
        return self.scores(batch).mean()

    def scores(self, batch: EpisodeBatch) -> Tensor:
        support, query = batch.support.flatten(3).mean(dim=2), batch.query.flatten(2)
        return -torch.cdist(query, support)
'''


@pytest.mark.slow
def test_a_method(house: House) -> None:
    pytest.importorskip("torch", reason="needs torch")
    house.add("src/holotype/train/methods/metric/mean_picture.py", METHOD)
    card = '    "mean-picture": MethodCard("metric", "mean_picture", "MeanPicture", False),\n'
    house.put("src/holotype/train/registry.py", '    "mann": MethodCard(', card)
    build = '    "mean-picture": ("mean-picture", MeanPicture),\n'
    house.put("tests/train/toys.py", '    "prototypical": ("prototypical"', build)
    imported = "from holotype.train.methods.metric.mean_picture import MeanPicture\n"
    house.put("tests/train/toys.py", "from holotype.train.methods.metric.contrastive", imported)
    said = house.run("-m", "holotype", "methods")
    assert "Classes by the mean of their pictures" in re.sub(r"\s+", " ", said)
    said = house.run("-m", "pytest", "-n0", "tests/train/test_registry.py", "-k", "mean-picture")
    assert re.search(r"[1-9]\d* passed", said)
    assert "failed" not in said
    require(house, "A new method", 4)


DATASET = '''"""A toy: stripes."""

from __future__ import annotations

import numpy as np

from holotype.datasets.dataset import Dataset


def load_stripes() -> Dataset:
    """Six widths of stripes, four pictures each."""
    column = np.indices((32, 32))[1]
    images = np.stack([(column + j) // (i + 1) % 2 for i in range(6) for j in range(4)])
    return Dataset(
        name="stripes",
        images=(255 * images).astype(np.uint8),
        class_index=np.repeat(np.arange(6), 4),
        class_names=tuple("abcdef"),
        group=("",) * 6,
        drawer=None,
        license="CC0-1.0",
        source="a formula",
    )
'''


def test_a_data_set(house: House) -> None:
    house.add("src/holotype/datasets/stripes.py", DATASET)
    line = '    "stripes": lambda: import_module("holotype.datasets.stripes").load_stripes(),\n'
    house.put("src/holotype/datasets/catalogue.py", '    "neu": load_neu,\n', line)
    imported = "from importlib import import_module\n"
    house.put("src/holotype/datasets/catalogue.py", "from importlib import resources\n", imported)
    code = """
from holotype.datasets.catalogue import dataset_names, load_dataset
from holotype.evaluation.protocols import plan

assert "stripes" in dataset_names()
planned = plan("evaluation", "stripes", n_way=5, k_shot=1, n_query=2, episodes=20)
print(planned.data, len(load_dataset("stripes")))
"""
    assert house.run("-c", code) == "stripes 24\n"
    require(house, "A new data set", 3)


DOMAIN = '''"""A toy: series of numbers, of which a model sees sixteen."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from holotype.domains.domain import Detected, Domain
from holotype.errors import ImageError
from holotype.preprocessing import OwnConstants


@dataclass(frozen=True, slots=True)
class Sampling(OwnConstants):
    """How many numbers the model sees."""

    numbers: int

    @property
    def input_shape(self):
        return (self.numbers,)


class Series(Domain):
    """The whole of a series is one thing."""

    kind = "series"
    takes = "wave"
    suffixes = frozenset({".series"})
    needs = {"sampling": lambda value: value == {"numbers": 16}}
    own = Sampling

    def in_words(self, constants):
        return f"{constants.own.numbers} numbers"

    def owns(self, source):
        return isinstance(source, str | os.PathLike) and str(source).endswith(".series")

    def find(self, model, source, everybody):
        return [Detected(self.embed(model, [source])[0], ())]

    def embed(self, model, sources):
        return model.embed_prepared(np.stack([self._numbers(source) for source in sources]))

    def _numbers(self, source):
        text = source.decode() if isinstance(source, bytes) else Path(source).read_text()
        numbers = np.array(text.split(), np.float32)
        if len(numbers) < 16:
            raise ImageError(f"it has {len(numbers)} numbers, and 16 are seen", "Take more")
        return numbers[:16]


DOMAINS = (Series(),)
'''
USE_DOMAIN = """
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

import holotype
from holotype.domains.toys.domain import Sampling
from holotype.image.prepare import prepare
from holotype.pack import write_pack
from holotype.domains.registry import preprocessing_from_json
from holotype.preprocessing import Preprocessing

graph = helper.make_graph(
    [helper.make_node("LpNormalization", ["numbers"], ["embeddings"], axis=1, p=2)],
    "toy",
    [helper.make_tensor_value_info("numbers", TensorProto.FLOAT, ["batch", 16])],
    [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["batch", 16])],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
nobody, none = np.empty((0, 16), np.float32), {"data": "none", "class_names": []}
preprocessing = Preprocessing("series", own=Sampling(16))
assert preprocessing_from_json(preprocessing.to_json()) == preprocessing
write_pack(
    "pack", name="series", model=model.SerializeToString(), preprocessing=preprocessing,
    embeddings=nobody, class_index=np.empty(0, np.int64), prototypes=nobody, cohort=none,
    background=none, training={"command": "none"}, license="CC0-1.0",
)
rng = np.random.default_rng(0)
for name in range(30):
    folder = Path("waves") / f"wave {name}"
    folder.mkdir(parents=True)
    wave = rng.normal(size=16)
    for take in range(2):
        text = " ".join(map(str, wave + 0.01 * rng.normal(size=16)))
        (folder / f"{take}.series").write_text(text)
Path("short.series").write_text("1 2 3")
"""


@pytest.mark.slow
def test_a_domain(house: House) -> None:
    pytest.importorskip("onnx", reason="needs onnx")
    house.add("src/holotype/domains/toys/__init__.py", '"""A toy."""\n')
    house.add("src/holotype/domains/toys/domain.py", DOMAIN)
    house.put("src/holotype/domains/registry.py", '"photos", "faces"', '"toys", ')
    house.run("-c", USE_DOMAIN)
    assert "16 numbers" in house.run("-m", "holotype", "pack", "show", "./pack")
    holotype = ("-m", "holotype")
    said = house.run(*holotype, "enroll", "g.gallery", "--folder", "waves", "--model", "./pack")
    assert "60 of 60 waves added, of 30 labels" in said
    (take,) = (house.root / "waves" / "wave 7").glob("1.series")
    assert "wave 7" in house.run(*holotype, "identify", "g.gallery", str(take))
    code = "import holotype; print(holotype.open('g.gallery').identify('short.series', 0.1))"
    failed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=house.root,
        env={**os.environ, "PYTHONPATH": str(house.root / "src")},
        capture_output=True,
        text=True,
        timeout=HANGS_S,
    )
    assert "it has 3 numbers, and 16 are seen. Take more" in failed.stderr
    require(house, "A new domain", 3)


STORE = '''"""A toy: a gallery in a file that is named by a URL."""

from __future__ import annotations

from holotype.gallery.sqlite import SqliteGallery


def _file(place):
    return str(place).removeprefix("toy://")


class ToyGallery(SqliteGallery):
    """As the file, wherever it is."""

    @classmethod
    def at(cls, place, binding, busy_timeout_s):
        return super().at(_file(place), binding, busy_timeout_s)

    @classmethod
    def exists(cls, place):
        return super().exists(_file(place))

    @classmethod
    def binding_of(cls, place):
        return super().binding_of(_file(place))

    @classmethod
    def make(cls, place, binding, **options):
        return super().make(_file(place), binding, **options)

    @classmethod
    def receiving(cls, place):
        return super().receiving(_file(place))
'''


@pytest.mark.slow
def test_a_store(house: House) -> None:
    house.add("src/holotype/gallery/toy.py", STORE)
    line = '"toy": ("holotype.gallery.toy:ToyGallery", Extra("toy", (), "")), '
    house.put("src/holotype/gallery/place.py", '"postgresql": _POSTGRES', line)
    conftest = "tests/gallery/conftest.py"
    house.put(conftest, "postgres, indexed", '"toy", ')
    house.put(conftest, "@pytest.fixture\ndef place(", PLACE)
    house.put(
        conftest, "request.getfixturevalue(places", 'toy_place(request) if engine == "toy" else '
    )
    said = house.run("-m", "pytest", "-n0", "tests/gallery/test_labels.py", "-k", "toy")
    assert re.search(r"[1-9]\d* passed", said)
    require(house, "A new store", 3)


PLACE = """def toy_place(request):
    return f"toy://{request.getfixturevalue('tmp_path')}/toy.gallery"


"""


def test_the_pages_name_what_is_counted() -> None:
    sections: Iterable[str] = re.findall(r"## (A new [^\n]*)", CONTRIBUTING)
    assert set(sections) == {"A new method", "A new data set", "A new domain", "A new store"}
