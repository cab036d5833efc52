"""Things in photographs: the whole picture in its tones."""

from __future__ import annotations

from typing import Any

from holotype.domains import rules
from holotype.domains.declared import Notes, Stated, picture_constants, picture_input
from holotype.domains.domain import AnotherKind, Floats, Reasons
from holotype.domains.photos import tones
from holotype.domains.photos.kind import kind_of
from holotype.domains.photos.quality import assess
from holotype.domains.picture_domain import PictureDomain
from holotype.image import pixels as photographs
from holotype.image.input_kind import LOOKS, MIN_SIDE_PX, impression
from holotype.image.pixels import Picture
from holotype.model.graph import Graph
from holotype.preprocessing import Preprocessing

_FOR_DRAWINGS = (
    "The pack `characters` reads handwritten characters, `signatures` names",
    ("characters", "signatures"),
)
_FOR_OTHERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ink": _FOR_DRAWINGS,
    "page": _FOR_DRAWINGS,
    "spectrogram": (
        "The pack `voices` knows voices, `words` spoken words, from the recording itself",
        ("voices", "words"),
    ),
    "noise": ("Show a photograph of the thing", ()),
}


class Photos(PictureDomain):
    """A photograph: its largest centered part of the input's proportions (`crop`, of which a share
    may be kept), all of it on a ground of the mean tone (`pad`), or all of it drawn to the input's
    shape (`stretch`).
    """

    kind = "photo"
    packs = {
        "objects": "things in photographs",
        "shelf": "products on a shelf, from their catalogue pictures",
    }
    varied = True
    usual_fit = "crop"
    needs = {
        "size_px": rules.is_side,
        "margin_px": rules.is_count,
        "channels": rules.is_channels,
        "fit": lambda value: value in ("crop", "pad", "stretch"),
        "mean": rules.are_numbers,
        "std": lambda value: rules.are_numbers(value) and all(number > 0 for number in value),
    }
    may = {
        "width_px": rules.is_side,
        "share": rules.is_share,
        "resample": lambda value: value in ("bicubic", "lanczos", "box", "nearest"),
    }

    def agree(self, constants: dict[str, Any]) -> None:
        """Each channel has its mean, and there is no margin."""
        if constants["margin_px"]:
            raise ValueError(f"margin_px={constants['margin_px']}, but a photograph has no margin")
        channels = constants["channels"]
        for name in ("mean", "std"):
            constants[name] = tuple(float(value) for value in constants[name])
            if len(constants[name]) != channels:
                raise ValueError(f"{name} has {len(constants[name])} values for {channels=}")
        if constants.get("share") is not None and constants["fit"] != "crop":
            raise ValueError(f"share belongs to fit 'crop', not to {constants['fit']!r}")

    def in_words(self, constants: Preprocessing) -> str:
        """Such as `3 x 64 x 64 px, RGB, ...`."""
        colors = "RGB" if constants.channels == 3 else "grey"
        more = ""
        if constants.share is not None:
            more += f", {constants.share:g} of the sides kept"
        if constants.resample is not None:
            more += f", resampled `{constants.resample}`"
        if constants.alignment is not None:
            more += f", cut out as `{constants.alignment}`"
        return (
            f"{' x '.join(map(str, constants.input_shape))} px, {colors}, kind "
            f"`{constants.kind}`, fitted by `{constants.fit}`{more}, mean "
            f"{tones.listed(constants.mean or ())}, standard deviation "
            f"{tones.listed(constants.std or ())}"
        )

    def prepare(self, picture: Picture, constants: Preprocessing) -> Floats:
        """float32 [C, H, W], (x - mean) / std of x in [0, 1]; RGB, or grey where C is 1."""
        return photographs.photo(picture.pixels, constants)

    def another_kind(self, picture: Picture, constants: Preprocessing) -> AnotherKind | None:
        """Ink, print, spectrograms and noise, of which none is plainly something else."""
        found = impression(picture)
        if found.kind == "blank":
            return None
        tiny = min(picture.pixels.shape[:2]) < MIN_SIDE_PX
        # Of the tiny only ink is told: that is what pictures of such a size mostly are.
        looks = "ink" if tiny else kind_of(picture, found)
        if looks == "photograph":
            return None
        remedy, packs = _FOR_OTHERS[looks]
        return AnotherKind(
            False, f"{LOOKS[looks]}; the model reads things in photographs", remedy, packs
        )

    def assess(self, picture: Picture, constants: Preprocessing) -> Reasons:
        """Size, contrast and blur."""
        return assess(picture.luminance, constants)

    def fits(self, graph: Graph, stated: Stated) -> bool:
        """A model of pictures."""
        return picture_input(graph) is not None

    def constants(self, graph: Graph, stated: Stated, notes: Notes) -> dict[str, Any]:
        """The usual tones and the middle of the picture, where nothing else is stated."""
        picture, constants = picture_constants(graph, stated, notes)
        constants |= {
            "fit": stated.fit or self.usual_fit,
            "share": stated.share if stated.share is None or stated.share < 1 else None,
            "resample": None if stated.resample == "bilinear" else stated.resample,
            **tones.stated(
                picture, constants["channels"], stated, notes, self.usual_tones(constants)
            ),
        }
        self.note(constants, stated, notes)
        return constants

    def usual_tones(self, constants: dict[str, Any]) -> tones.Tones | None:
        """What mean and deviation such models usually have; None: by the number of channels."""

    def note(self, constants: dict[str, Any], stated: Stated, notes: Notes) -> None:
        """Write down what was assumed."""
        if stated.fit is None:
            notes.assumed.append("the middle of a picture is what counts (--fit crop)")


DOMAINS = (Photos(),)
