"""Faces in photographs: found, turned upright, cut out, and then as a photo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from holotype.domains.declared import Notes, Stated
from holotype.domains.domain import AnotherKind, Detected, Domain, Floats, MadePack, Model, Reasons
from holotype.domains.faces import EXTRA
from holotype.domains.photos import tones
from holotype.domains.photos.domain import Photos
from holotype.domains.picture_domain import PictureDomain
from holotype.image import pixels as photographs
from holotype.image.decode import ImageSource, decode, describe, naming
from holotype.image.pixels import Picture
from holotype.model.graph import Graph
from holotype.preprocessing import Preprocessing

# Networks of faces after ArcFace (Deng et al. 2019) take (x - 127.5) / 127.5 or near it.
_ARCFACE_PX = 112
_ARCFACE: tones.Tones = ((0.5,) * 3, (0.5,) * 3)


def _parts() -> dict[str, Any]:
    with EXTRA.required():
        from holotype.domains.faces.recipe import parts

        return parts()


class Faces(Photos):
    """The one face of a picture, or each of them."""

    kind = "face"
    packs = {"faces": "faces"}
    made = {"faces": MadePack(2, _parts)}
    extra = EXTRA
    sought = "face"
    varied = False
    usual_fit = "stretch"
    may = {**Photos.may, "alignment": lambda value: value in ("arcface", "box")}
    offer = "The pack `faces` reads faces"

    def prepare(self, picture: Picture, constants: Preprocessing) -> Floats:
        """The one face, cut out: as `Photos.prepare`."""
        with EXTRA.required():
            from holotype.domains.faces.alignment import chip
            from holotype.domains.faces.sighting import only_face, rgb_bytes
        face = only_face(picture.pixels)
        return photographs.photo(chip(rgb_bytes(picture.pixels), face, constants), constants)

    def detect(
        self, model: Model, sources: Sequence[ImageSource | Detected], everybody: bool = False
    ) -> list[list[Detected]]:
        """Each picture is searched by itself."""
        return Domain.detect(self, model, sources, everybody)

    def find(self, model: Model, source: ImageSource, everybody: bool) -> list[Detected]:
        """The faces of a picture, largest first.

        Where not everybody is asked for, there is one, without a vector unless the picture shows
        one face.
        """
        with EXTRA.required():
            from holotype.domains.faces.alignment import chip
            from holotype.domains.faces.sighting import rgb_bytes, sightings
        with naming(describe(source)):
            decoded = decode(source)
        found = []
        for sighting in sightings(decoded, everybody):
            reasons = tuple(doubt.reason for doubt in sighting.doubts)
            if sighting.face is None:
                (doubt,) = sighting.doubts
                found.append(Detected(None, reasons, problem=doubt.problem, remedy=doubt.remedy))
            else:
                wanted = model.preprocessing
                shown = chip(rgb_bytes(decoded), sighting.face, wanted)
                (vector,) = model.embed_prepared(photographs.photo(shown, wanted)[None])
                found.append(Detected(vector, reasons, sighting.face.box))
        return found

    def sighted(self, pixels: NDArray[Any]) -> str:
        """Whether a face is found, by what is installed."""
        if not EXTRA.installed():
            return ""
        from holotype.domains.faces.sighting import sightings

        return "" if sightings(pixels)[0].face is None else "this looks like a photograph of a face"

    def another_kind(self, picture: Picture, constants: Preprocessing) -> AnotherKind | None:
        """Nothing: what shows no face is told where it is searched."""
        return None

    def assess(self, picture: Picture, constants: Preprocessing) -> Reasons:
        """Nothing: a face is judged where it is found."""
        return ()

    def fits(self, graph: Graph, stated: Stated) -> bool:
        """Never: a model of faces takes pictures like any other."""
        return False

    def usual_tones(self, constants: dict[str, Any]) -> tones.Tones | None:
        """Those of ArcFace at its size."""
        return _ARCFACE if constants["size_px"] == _ARCFACE_PX else None

    def note(self, constants: dict[str, Any], stated: Stated, notes: Notes) -> None:
        """How a face is cut out."""
        how = stated.alignment
        if how is None:
            how = "arcface" if constants["size_px"] == _ARCFACE_PX else "dlib"
            notes.assumed.append(f"faces are cut out as for {how} (--align)")
        constants["alignment"] = None if how == "dlib" else how
        notes.understood.append("faces are found by holotype, not by what found its training's")


DOMAINS: tuple[PictureDomain, ...] = (Faces(),)
