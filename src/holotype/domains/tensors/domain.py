"""What a program prepares for a model: nobody else can give it, and its embeddings are enrolled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holotype.domains import rules
from holotype.domains.declared import Notes, Stated, input_constants
from holotype.domains.domain import Floats, Model
from holotype.domains.picture_domain import PictureDomain
from holotype.errors import ImageError
from holotype.image.decode import ImageSource
from holotype.image.pixels import Picture
from holotype.model.graph import Graph
from holotype.preprocessing import Preprocessing, TensorInput

_AT_ONCE = 8  # where the size of an input is not known beforehand


def typed_inputs(constants: dict[str, Any]) -> None:
    """Give the inputs of a preprocessing their type."""
    constants["inputs"] = tuple(
        TensorInput(one["name"], one["number"], tuple(one["dims"])) for one in constants["inputs"]
    )


class Tensors(PictureDomain):
    """The inputs of a model by name."""

    kind = "tensors"
    needs = {"inputs": rules.are_inputs}
    no_pack = (
        "the model's inputs make no pack",
        "Export it with tensors of usual numbers as inputs, the batch first",
    )

    def agree(self, constants: dict[str, Any]) -> None:
        """Only their type."""
        typed_inputs(constants)

    def in_words(self, constants: Preprocessing) -> str:
        """Each input with its numbers and dimensions."""
        listed = "; ".join(
            f"`{one.name}` {one.number} [{', '.join(map(str, one.dims))}]"
            for one in constants.inputs or ()
        )
        return f"tensors that a program prepares: {listed}"

    def chunk(self, constants: Preprocessing, most: int) -> int:
        """Few."""
        return _AT_ONCE

    def prepare(self, picture: Picture, constants: Preprocessing) -> Floats:
        """Raises ImageError: it cannot be made of a picture."""
        raise ImageError(
            f"the model reads {self.kind}, not pictures",
            "Give what it reads to `Embedder.embed_tensors`, and the embeddings as `vectors=`",
        )

    def no_pictures(self, constants: Preprocessing) -> ImageError:
        """What it takes in place of them."""
        names = ", ".join(one.name for one in constants.inputs or ())
        return ImageError(
            f"the model takes {names}, not pictures",
            "Give them to `Embedder.embed_tensors`, and the embeddings as `vectors=`",
        )

    def embed(self, model: Model, sources: Sequence[ImageSource]) -> Floats:
        """Raises ImageError: no source is read."""
        raise self.no_pictures(model.preprocessing)

    def fits(self, graph: Graph, stated: Stated) -> bool:
        """Any other."""
        return True

    def constants(self, graph: Graph, stated: Stated, notes: Notes) -> dict[str, Any]:
        """As the model declares."""
        return {"inputs": input_constants(graph)}


DOMAINS = (Tensors(),)
