"""The errors that holotype raises, and the exit code of each kind.

Every message has one shape: the value and the rule it breaks, then the remedy.
"""

from typing import Any


class HolotypeError(Exception):
    """Base of every error that a caller can mend.

    Args:
        problem: the offending value and the rule it breaks, without a final period.
        remedy: what to do about it, without a final period.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)  # kept as `args`: what unpickling passes again
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        """The whole message."""
        return f"{self.problem}. {self.remedy}."


class ImageError(HolotypeError):
    """An image that cannot be read, or holds nothing to recognize."""


class RecordingError(ImageError):
    """A recording that cannot be read, or holds no voice: handled wherever an image is."""


class TextError(ImageError):
    """A text that cannot be read, or says nothing: handled wherever an image is."""


class VectorError(HolotypeError):
    """An embedding of the wrong shape or kind."""


class AnotherKindError(ImageError):
    """A picture that is plainly of another kind than the model reads.

    Args:
        problem: see `HolotypeError`.
        remedy: see `HolotypeError`.
        packs: the shipped packs that may read it, best first.
    """

    def __init__(self, problem: str, remedy: str, packs: tuple[str, ...] = ()) -> None:
        super().__init__(problem, remedy)
        self.packs = packs


class LabelError(HolotypeError):
    """A label that cannot be stored, or is not enrolled."""


class RateError(HolotypeError):
    """A false-accept rate outside (0, 1), or smaller than the cohort supports.

    Args:
        problem: see `HolotypeError`.
        remedy: see `HolotypeError`.
        smallest: the smallest rate that is supported, a fraction; None if there is none, or that
            is not the matter.
    """

    def __init__(self, problem: str, remedy: str, smallest: float | None = None) -> None:
        super().__init__(problem, remedy)
        self.smallest = smallest


class GalleryError(HolotypeError):
    """A gallery file that cannot be opened, read or written."""


class GalleryReplacedError(GalleryError):
    """The file at a gallery's path is no longer the one that was opened: `reopen` opens it."""


class RepeatedError(GalleryError):
    """A change that was made before, under the same request."""


class ErasurePendingError(GalleryError):
    """Something is gone from the gallery, but its bytes are still in the file.

    They are erased when the gallery is next opened or something else is erased.

    Args:
        problem: see `HolotypeError`.
        remedy: see `HolotypeError`.
        receipts: an `Erasure` for each identity concerned, with `pending` set; empty when what
            was removed is no identity.
    """

    def __init__(self, problem: str, remedy: str, receipts: tuple[Any, ...] = ()) -> None:
        super().__init__(problem, remedy)
        self.receipts = receipts


class AlikeError(HolotypeError):
    """Somebody who is said to be new, or a stranger, is too much like somebody who is enrolled.

    Args:
        problem: see `HolotypeError`.
        remedy: see `HolotypeError`.
        found: a record for each case.
    """

    def __init__(self, problem: str, remedy: str, found: tuple[Any, ...] = ()) -> None:
        super().__init__(problem, remedy)
        self.found = found


class PackError(HolotypeError):
    """A model pack that is missing, truncated, altered or inconsistent."""


class ProviderError(HolotypeError):
    """A processor that was asked for and is not there, does not start, or computes wrongly."""


class DataError(HolotypeError):
    """A data set, split or episode that cannot be had as asked."""


class TrainingError(HolotypeError):
    """A training run that cannot start, go on, resume or be exported."""


class MissingExtraError(HolotypeError):
    """An optional dependency that is not installed."""


class ServingError(HolotypeError):
    """A server that cannot start as asked, or a key that cannot be had."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came, and what was being done is kept so that it can go on."""


# 0 is success, 1 is "no match" from `verify`, 2 is a wrong command line, 130 an interrupt.
EXIT_CODES: dict[type[HolotypeError], int] = {
    ImageError: 3,
    VectorError: 3,
    LabelError: 4,
    RateError: 5,
    GalleryError: 6,
    PackError: 7,
    DataError: 8,
    TrainingError: 9,
    MissingExtraError: 10,
    ErasurePendingError: 12,  # 11 is any other failure of the file system
    AlikeError: 13,
    ProviderError: 14,
    ServingError: 15,
}
