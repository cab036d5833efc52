"""How something becomes the input of a model, as a card states it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class TensorInput:
    """One input of a model that takes what a program prepares."""

    name: str
    number: str  # float32, int64, ...
    dims: tuple[int | str, ...]  # sizes; a name for one that is free, the batch first

    def to_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        return {"name": self.name, "number": self.number, "dims": list(self.dims)}


@dataclass(frozen=True, slots=True)
class OwnConstants:
    """Constants of a preprocessing that one domain alone has; JSON names them as their class."""

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """Of one input of the model; None: as the preprocessing says."""
        return None

    def to_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`, under the name of its class."""
        return {type(self).__name__.lower(): asdict(self)}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How something becomes a model's input: the card carries it, and the kind's domain obeys it.

    Which fields a kind has, and what they may be, its domain says (`domains.domain.Domain`). A
    field that a kind lacks has its default.
    """

    kind: str  # of `domains.registry`
    size_px: int = 0  # side of the input of a picture; its height where it is not square
    margin_px: int = 0  # empty border around the ink; 0 for a photo
    channels: int = 1  # 1 is grey, 3 is RGB; ink and frame are grey
    # How a picture gets the shape of the input: photos and faces by one of the first three; ink
    # keeps its proportions (None) or, where it is wide as a signature, is drawn at twice its height
    fit: Literal["crop", "pad", "stretch", "wide"] | None = None
    # Of photos and faces alone, and there never None:
    mean: tuple[float, ...] | None = None  # [channels], of values in [0, 1]
    std: tuple[float, ...] | None = None  # [channels], above 0: the input is (x - mean) / std
    # Of photos and faces alone:
    width_px: int | None = None  # of an input that is not square
    share: float | None = None  # of its sides that `crop` keeps, in (0, 1); None: all
    resample: Literal["bicubic", "lanczos", "box", "nearest"] | None = None  # None: bilinear
    # Of faces alone, how they are cut out: "arcface" after the template of 112 px, "box" without
    # turning; None: as dlib does
    alignment: Literal["arcface", "box"] | None = None
    inputs: tuple[TensorInput, ...] | None = None  # of a model that takes no pictures, by name
    own: OwnConstants | None = None  # what no other domain has

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of the input for one picture, (C, H, W), or as the domain says."""
        if self.own is not None and (shape := self.own.input_shape):
            return shape
        return self.channels, self.size_px, self.width_px or self.size_px

    def to_json(self) -> dict[str, Any]:
        """Only the fields that this kind has, ready for `json.dumps`.

        A model's id is made of it, so a field that came later changes no id of before.
        """
        picture = {
            "size_px": self.size_px,
            "margin_px": self.margin_px,
            "channels": self.channels,
            "fit": self.fit,
            "mean": None if self.mean is None else [float(value) for value in self.mean],
            "std": None if self.std is None else [float(value) for value in self.std],
            "width_px": self.width_px,
            "share": self.share,
            "resample": self.resample,
            "alignment": self.alignment,
        }
        fields: dict[str, Any] = {"kind": self.kind, **(picture if self.size_px else {})}
        if self.inputs is not None:
            fields["inputs"] = [one.to_json() for one in self.inputs]
        if self.own is not None:
            fields |= self.own.to_json()
        return {name: value for name, value in fields.items() if value is not None}
