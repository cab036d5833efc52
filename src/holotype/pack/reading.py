"""What a model pack is, and how one is read: all that recognition needs of a trained model.

    card.json     the facts (`records.Card`), with the digests of model and cohort
    model.onnx    pictures float32 [batch, C, S, S] -> embeddings float32 [batch, D]
    cohort.npz    embeddings [M, D] of classes that training never saw, their class_index [M], and
                  background [B, D], one prototype for each class that training saw; and, if it has
                  one, self_test [N, D], what the model gives for the inputs of `model.feed`
    tokenizer.json  of a model that reads texts: how they are cut into pieces of words
    text/         of a model of pictures that has a text side: a pack of kind `text`, whose vectors
                  lie among those of pictures
    README.md     the card for people

A pack may come from a stranger: it is checked file by file, and nothing in it is executed.

Two packs that ship share one network. Of the second `difference.npz` lies in place of `model.onnx`:
what its model has that the first one's has not.
"""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from holotype.errors import PackError
from holotype.forking import cached_property
from holotype.model.graph import read_graph
from holotype.pack.card import Card, card_from_json
from holotype.preprocessing import Preprocessing

MAX_CARD_BYTES = 2**20
MAX_COHORT_BYTES = 256 * 2**20  # of the file, and of its arrays once unpacked
LIMIT_BYTES = {
    "card.json": MAX_CARD_BYTES,
    "model.onnx": 512 * 2**20,
    "cohort.npz": MAX_COHORT_BYTES,
    "tokenizer.json": 64 * 2**20,
    "README.md": MAX_CARD_BYTES,
}
TOKENIZER = "tokenizer.json"
SHIPPED = Path(__file__).parents[1] / "packs"
DIFFERENCE = "difference.npz"
_SHARED = SHIPPED / "objects" / "model.onnx"
TEXT = "text"  # the folder of a text side
TEXT_CARD = f"{TEXT}/card.json"
_COHORT_ARRAYS = ("embeddings", "class_index", "background")
_SELF_TEST = "self_test"
_References = tuple[
    NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.float32] | None
]
# Half precision moves a unit vector's norm by up to 2^-11 of its length; more is not a unit vector.
_UNIT_TOLERANCE = 2e-3


@dataclass(frozen=True)
class Pack:
    """A checked model pack. Its bulk is read when asked for, and checked against the card again."""

    path: Path
    card: Card
    trusted: bool = False  # it came with holotype, or was made by it of what it knows by its digest

    @property
    def files(self) -> tuple[str, ...]:
        """The names of its files: four, or five of a model that reads texts; and its text side."""
        own = sorted(self.card.files.keys() - {TEXT_CARD}, reverse=True)
        of_text = () if self.text is None else (f"{TEXT}/{file}" for file in self.text.files)
        return ("card.json", *own, "README.md", *of_text)

    @cached_property
    def text(self) -> Pack | None:
        """The text side, a pack of kind `text` with vectors as long; None where it has none.

        Raises:
            PackError: it is damaged, altered, or disagrees with the card.
        """
        if TEXT_CARD not in self.card.files:
            return None
        _digested(self.path, TEXT_CARD, self.card)
        found = read_pack(self.path / TEXT)
        if TOKENIZER not in found.card.files or TEXT_CARD in found.card.files:
            _fail(self.path, TEXT_CARD, "its text side reads no texts")
        if found.card.embedding_dim != self.card.embedding_dim:
            _fail(
                self.path,
                TEXT_CARD,
                f"its text side gives {found.card.embedding_dim} numbers, the model "
                f"{self.card.embedding_dim}",
            )
        return replace(found, trusted=self.trusted)

    def model(self) -> bytes:
        """The bytes of `model.onnx`.

        Raises:
            PackError: the file is gone, or no longer what the card says.
        """
        if self.path.parent == SHIPPED and (self.path / DIFFERENCE).is_file():
            return _checked(self.path, "model.onnx", self.card, _restored(self.path))
        return _digested(self.path, "model.onnx", self.card)

    def cohort(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The strangers: classes that training never saw.

        Returns:
            Embeddings float32 [M, D] of unit length, and class_index int64 [M] into
            `card.cohort["class_names"]`; both read-only.

        Raises:
            PackError: the file is gone, altered, or disagrees with the card.
        """
        return self._references[:2]

    def background(self) -> NDArray[np.float32]:
        """What the model was prepared for: the prototypes of the classes that trained it.

        Returns:
            float32 [B, D] of unit length, in the order of `card.background["class_names"]`;
            read-only.

        Raises:
            PackError: the file is gone, altered, or disagrees with the card.
        """
        return self._references[2]

    def self_test(self) -> NDArray[np.float32] | None:
        """What the model gave for inputs that a formula makes (`model.feed`), where it was made.

        Returns:
            float32 [N, D] of unit length, read-only; None of a pack that has no self-test.

        Raises:
            PackError: the file is gone, altered, or disagrees with the card.
        """
        return self._references[3]

    def tokenizer(self) -> bytes | None:
        """The content of `tokenizer.json`; None of a model that reads no texts.

        Raises:
            PackError: the file is gone, or no longer what the card says.
        """
        if TOKENIZER not in self.card.files:
            return None
        return _digested(self.path, TOKENIZER, self.card)

    @cached_property
    def _references(self) -> _References:
        content = _digested(self.path, "cohort.npz", self.card)
        return check_references(self.path, content, self.card)


def read_pack(path: Path) -> Pack:
    """The pack in a folder, every file of it looked at.

    Raises:
        PackError: a file is missing, truncated, altered, too large, of a newer format, or disagrees
            with the others.
    """
    try:
        card = card_from_json(_read(path, "card.json"))
    except ValueError as error:
        _fail(path, "card.json", str(error))
    pack = Pack(path, card)
    model = pack.model()
    text = None if pack.text is None else pack.text.card.model_id
    if card.model_id != model_id(model, card.preprocessing, text):
        _fail(path, "card.json", "the model_id does not follow from the model and preprocessing")
    try:
        read_graph(model)
    except ValueError as error:
        _fail(path, "model.onnx", str(error))
    pack.cohort()
    pack.tokenizer()
    return pack


def model_id(model: bytes, preprocessing: Preprocessing, text: str | None = None) -> str:
    """The first 16 hex digits of SHA-256 over `model.onnx` and the preprocessing as JSON.

    Args:
        model: the content of `model.onnx`.
        preprocessing: of it.
        text: the id of its text side, which is part of it; None: it has none.
    """
    constants = json.dumps(preprocessing.to_json(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(model + (constants + (text or "")).encode()).hexdigest()[:16]


def check_references(path: Path, content: bytes, card: Card) -> _References:
    """The arrays of `cohort.npz`: embeddings, class_index, background, and self_test or None.

    Args:
        path: of the pack, for errors.
        content: of the file.
        card: of the pack.

    Raises:
        PackError: it is no such archive, or disagrees with the card.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            unpacked_bytes = sum(member.file_size for member in archive.infolist())
        if unpacked_bytes > MAX_COHORT_BYTES:
            raise ValueError(f"it unpacks to {unpacked_bytes:,} bytes")
        with np.load(BytesIO(content), allow_pickle=False) as archive:
            embeddings, class_index, background = (archive[name] for name in _COHORT_ARRAYS)
            tested = archive.get(_SELF_TEST)
    except Exception as error:  # zip and npy readers raise anything on damaged input
        _fail(path, "cohort.npz", f"not a readable NumPy archive of {_COHORT_ARRAYS} ({error})")
    classes = len(card.cohort["class_names"])
    vectors = _vectors(path, card, "embeddings", embeddings, classes)
    if class_index.dtype.kind not in "iu" or class_index.shape != embeddings.shape[:1]:
        _fail(
            path,
            "cohort.npz",
            f"class_index is {class_index.dtype} {list(class_index.shape)}, not integers "
            f"[{len(embeddings)}]",
        )
    if len(class_index) and (class_index.min() < 0 or class_index.max() >= classes):
        _fail(
            path,
            "cohort.npz",
            f"class_index runs from {class_index.min()} to {class_index.max()}; the card names "
            f"{classes} classes",
        )
    learned = len(card.background["class_names"])
    prototypes = _vectors(path, card, "background", background, learned)
    if len(prototypes) != learned:
        _fail(
            path,
            "cohort.npz",
            f"background has {len(prototypes)} prototypes; the card names {learned} classes",
        )
    index = class_index.astype(np.int64)
    index.setflags(write=False)
    test = None if tested is None else _vectors(path, card, _SELF_TEST, tested, 1)
    return vectors, index, prototypes, test


def _vectors(
    path: Path, card: Card, name: str, array: NDArray[Any], classes: int
) -> NDArray[np.float32]:
    """One array of `cohort.npz`, checked: float32 unit [M, D], M = 0 without classes; read-only."""
    if array.dtype not in (np.float16, np.float32) or array.ndim != 2:
        _fail(
            path,
            "cohort.npz",
            f"{name}: {array.dtype} {list(array.shape)} is not float16 or float32 [M, D]",
        )
    if bool(len(array)) != bool(classes) or array.shape[1] != card.embedding_dim:
        _fail(
            path,
            "cohort.npz",
            f"{name}: the shape is {list(array.shape)}; the card needs [M, {card.embedding_dim}] "
            + ("with M at least 1" if classes else "with M = 0, since it names no classes"),
        )
    vectors = array.astype(np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    # Written so that NaN fails as well.
    if not (np.abs(norms - 1) <= _UNIT_TOLERANCE).all():
        _fail(path, "cohort.npz", f"{name}: a vector is not finite and of unit length")
    vectors /= norms
    vectors.setflags(write=False)
    return vectors


def _restored(path: Path) -> bytes:
    """The model of a shipped pack, from the one that it shares a network with.

    `spans` int64 [K, 2] are taken from that model in turn; before each come so many bytes of
    `between` uint8 [N] as `sizes` int64 [K] says, and what is left of them comes last.
    """
    shared = memoryview(_read(_SHARED.parent, _SHARED.name))
    try:
        content = BytesIO((path / DIFFERENCE).read_bytes())
        with np.load(content, allow_pickle=False) as stored:
            spans, sizes, between = (stored[name] for name in ("spans", "sizes", "between"))
    except Exception as error:  # zip and npy readers raise anything on damaged input
        _fail(path, DIFFERENCE, f"not readable ({error})")
    result, rest = bytearray(), memoryview(between.tobytes())
    for (start, end), size in zip(spans.tolist(), sizes.tolist(), strict=True):
        result += rest[:size]
        result += shared[start:end]
        rest = rest[size:]
    return bytes(result + rest)


def _digested(path: Path, file: str, card: Card) -> bytes:
    return _checked(path, file, card, _read(path, file))


def _checked(path: Path, file: str, card: Card, content: bytes) -> bytes:
    if hashlib.sha256(content).hexdigest() != card.files[file]:
        _fail(path, file, f"the SHA-256 digest of its {len(content):,} bytes is not the card's")
    return content


def _read(path: Path, file: str) -> bytes:
    try:
        status = (path / file).stat()
        if not stat.S_ISREG(status.st_mode):
            _fail(path, file, "not a regular file")
        limit = LIMIT_BYTES[file.removeprefix(f"{TEXT}/")]
        if status.st_size > limit:
            _fail(path, file, f"{status.st_size:,} bytes exceed {limit:,}")
        return (path / file).read_bytes()
    except FileNotFoundError:
        _fail(path, file, "the file is missing")
    except OSError as error:
        _fail(path, file, f"cannot be read ({error.strerror})")


def _fail(path: Path, file: str, problem: str) -> NoReturn:
    raise PackError(
        f"{file} of pack {str(path)!r}: {problem}",
        "Copy or download the pack again, or export it anew with `holotype export`",
    )
