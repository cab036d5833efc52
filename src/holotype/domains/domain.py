"""What a domain is: a kind of things that models read, and all that is particular to it.

A domain is a folder whose `domain.py` names one in `DOMAINS` for each kind of preprocessing that it
brings, and a name in `registry`. What is heavy is imported where it is called for: all domains are
loaded where somebody asks what a source is.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from holotype.errors import ImageError
from holotype.extras import Extra, install
from holotype.image.decode import MAX_BYTES, ImageSource, describe
from holotype.image.formats import SUFFIXES
from holotype.image.pixels import Picture
from holotype.preprocessing import OwnConstants, Preprocessing
from holotype.records import Reason

Floats = NDArray[np.float32]
Reasons = tuple[Reason, ...]
Rules = Mapping[str, Callable[[Any], bool]]


@dataclass(frozen=True, slots=True, eq=False)
class Detected:
    """One thing that a source shows; or nothing, and why."""

    vector: Floats | None  # [D] unit
    reasons: Reasons
    box: tuple[int, int, int, int] | None = None
    problem: str = ""  # why there is no vector, and what helps; without the name of the source
    remedy: str = ""
    readable: bool = True  # False: nobody could look at it at all


@dataclass(frozen=True, slots=True)
class AnotherKind:
    """Why a picture is none of those that a model reads; neither part ends in a period."""

    plainly: bool  # whether hardly a picture that the model reads looks like this
    problem: str
    remedy: str
    packs: tuple[str, ...] = ()  # the shipped ones that may read it, best first

    @property
    def reason(self) -> Reason:
        """Code `another_kind` for what is plainly something else, else `perhaps_another_kind`."""
        code = "another_kind" if self.plainly else "perhaps_another_kind"
        return Reason(code, f"{self.problem}. {self.remedy}")


def unreadable(source: ImageSource, error: ImageError) -> Detected:
    """What nobody could look at, and why."""
    problem = error.problem.removeprefix(f"{describe(source)}: ")
    reason = Reason("unreadable", f"{problem}. {error.remedy}")
    return Detected(None, (reason,), problem=problem, remedy=error.remedy, readable=False)


class Model(Protocol):
    """The model of a pack at work, as its domain uses it: an `Embedder`."""

    preprocessing: Preprocessing
    embedding_dim: int
    reader: Any
    beside: int  # how many batches it computes at once in a `crowd`, each on a core of its own

    def crowd(self) -> AbstractContextManager[None]:
        """As long as this lasts, so many are."""

    @property
    def chunk(self) -> int:
        """How many inputs it takes at once."""

    def embed_prepared(self, batch: Floats) -> Floats:
        """Prepared pictures, or windows of one recording -> float32 unit [B, D]."""

    def embed_parts(self, batches: Iterable[Floats]) -> tuple[Floats, int, float]:
        """One thing that comes in several parts."""

    def embed_tensors(self, batch: Mapping[str, NDArray[Any]]) -> Floats:
        """Inputs by name -> float32 unit [B, D]."""


@dataclass(frozen=True, slots=True)
class MadePack:
    """A pack that is made on each machine, of what an extra installs."""

    version: int  # of how it is made
    parts: Callable[[], dict[str, Any]]  # the arguments of `write_pack`


class Domain:
    """What is particular to one kind of preprocessing. The defaults are those of pictures."""

    kind: str  # of `Preprocessing`
    takes = "picture"  # what one source is called
    reads = "reads"  # what the model does with it
    metavar = "IMAGE"  # how a command is given one
    suffixes = SUFFIXES  # of the files in a folder of them
    usual_pack = "characters"  # of a gallery for which none is named
    packs: Mapping[str, str] = {}  # those that are used by name, and what they read
    made: Mapping[str, MadePack] = {}  # those of them that are made on each machine
    extra: Extra | None = None
    typed = False  # whether one can be typed in place of a file, and a file holds several
    sought = ""  # what is looked for in a picture; nothing: all of it is the thing
    varied = False  # whether training shows its pictures shifted and mirrored, as photographs
    piece_s: float | None = None  # of sound that comes, as much as is listened to at once
    told_beside: tuple[str, ...] = ()  # codes of doubts that do not keep an answer back

    # What the card of a pack states.
    needs: Rules = {}  # fields that it must state, each with its rule
    may: Rules = {}  # fields that it may state
    own: type[OwnConstants] | None = None  # constants that no other domain has

    def agree(self, constants: dict[str, Any]) -> None:
        """Check what two fields say together, and give them their types.

        Raises:
            ValueError: they do not fit, as one clause.
        """

    def in_words(self, constants: Preprocessing) -> str:
        """The input of a model, as one line of its page."""
        raise NotImplementedError

    def files(self, constants: Preprocessing) -> dict[str, str]:
        """The files of a pack that its preprocessing names, each with its SHA-256 in hex."""
        return {}

    def sample(self, constants: Preprocessing) -> str:
        """The shipped data set that such a model can be tried with; empty where there is none."""
        return ""

    def remedy(self, name: str, made: bool) -> str:
        """What to install for one of its packs; empty where nothing is missing.

        Args:
            name: one of `packs`.
            made: whether it is on this machine.
        """
        return "" if self.extra is None or self.extra.installed() else install(self.extra.name)

    # How a source becomes a vector.

    def prepare(self, picture: Picture, constants: Preprocessing) -> Floats:
        """A picture as the input of a model: float32 `constants.input_shape`.

        Raises:
            ImageError: it shows nothing that the model reads, or the model reads no pictures.
        """
        raise ImageError(
            f"this is a picture; the model {self.reads} {self.takes}s", f"Give a {self.takes}"
        )

    def no_pictures(self, constants: Preprocessing) -> ImageError:
        """Why a model takes no prepared pictures."""
        return ImageError(
            f"the model {self.reads} {self.takes}s, not pictures", f"Give a {self.takes}"
        )

    def chunk(self, constants: Preprocessing, most: int) -> int:
        """How many inputs go through a model together, of which memory allows `most`."""
        return most

    def free_size(self, constants: Preprocessing) -> int | None:
        """The largest size of a dimension that the model leaves free; None: it is not known."""
        return None

    def reader(self, constants: Preprocessing, tokenizer: bytes | None) -> Any:
        """What reads sources for a model, where more than its constants is needed."""

    def embed(self, model: Model, sources: Sequence[ImageSource]) -> Floats:
        """B sources as vectors: float32 unit [B, D].

        Args:
            model: of this kind.
            sources: B of them.

        Raises:
            ImageError: one cannot be read or shows nothing; the message says which.
        """
        raise NotImplementedError

    def detect(
        self, model: Model, sources: Sequence[ImageSource | Detected], everybody: bool = False
    ) -> list[list[Detected]]:
        """What each of B sources shows. One that cannot be read spoils no other.

        Args:
            model: of this kind.
            sources: B; what was detected before stays as it is.
            everybody: whether each thing of a source is a probe; if not, there is one.

        Returns:
            B lists of at least one probe.

        Raises:
            MissingExtraError: what reads the sources is not installed.
            PackError: the model fails.
        """
        return [
            [source] if isinstance(source, Detected) else self._found(model, source, everybody)
            for source in sources
        ]

    def _found(self, model: Model, source: ImageSource, everybody: bool) -> list[Detected]:
        try:
            return self.find(model, source, everybody)
        except ImageError as error:
            return [unreadable(source, error)]

    def find(self, model: Model, source: ImageSource, everybody: bool) -> list[Detected]:
        """What one source shows: at least one thing, or why there is none.

        Raises:
            ImageError: it cannot be read.
        """
        raise NotImplementedError

    # What speaks against a picture.

    def another_kind(self, picture: Picture, constants: Preprocessing) -> AnotherKind | None:
        """Why a picture is none of those that a model reads; None for one that it reads."""
        return None

    def assess(self, picture: Picture, constants: Preprocessing) -> Reasons:
        """Why a picture may be unfit to recognize; none for one that is fit.

        Raises:
            ImageError: the picture has no contrast at all.
        """
        return ()

    # Sources as they are given and kept.

    def owns(self, source: ImageSource) -> bool:
        """Whether a source is plainly of this domain, and no picture."""
        return False

    @property
    def offer(self) -> str:
        """Where to go with a source that this domain owns."""
        return f"The pack `{self.usual_pack}` {self.reads} {self.takes}s"

    def sighted(self, pixels: NDArray[Any]) -> str:
        """What a picture looks like that certainly shows what is sought here; else empty."""
        return ""

    def held(self, path: Path) -> list[Path | str]:
        """What a file holds to recognize: itself, or each of the things that it lists."""
        return [path]

    def content(self, source: ImageSource) -> ImageSource:
        """A file as its content; what is no regular file stays a path."""
        if not isinstance(source, str | os.PathLike):
            return source
        with suppress(OSError, ValueError):  # ValueError: a NUL in the path
            # Looked at before it is opened: opening a named pipe would wait for a writer.
            status = os.stat(source)
            if stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES:
                return Path(source).read_bytes()
        return source  # whoever decodes it says why

    def kept(self, source: ImageSource) -> bytes:
        """A source as a file: files as they are."""
        if isinstance(source, bytes):
            return source
        if isinstance(source, str | os.PathLike):
            return Path(source).read_bytes()
        return self.as_file(source)

    def as_file(self, source: ImageSource) -> bytes:
        """What is in memory, as the content of a file."""
        raise NotImplementedError

    # How a model that others made is described.

    no_pack = ("no such preprocessing", "Mend that option")  # where it comes out as none

    def fits(self, graph: Any, stated: Any) -> bool:
        """Whether a model is taken to be of this kind where nobody states one.

        Args:
            graph: of the model's file (`model.graph.Graph`).
            stated: what is said beside it (`declared.Stated`).
        """
        return False

    def constants(self, graph: Any, stated: Any, notes: Any) -> dict[str, Any]:
        """The fields of the preprocessing, read from a model's file; see `fits`.

        Args:
            graph: as for `fits`.
            stated: as for `fits`.
            notes: where it is written down what was read and what assumed (`declared.Notes`).

        Raises:
            PackError: the model takes something else, or nothing says what it takes.
        """
        raise NotImplementedError
