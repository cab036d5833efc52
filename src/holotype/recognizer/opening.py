"""From a path to a Recognizer: the gallery there, and the model that it is bound to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from holotype.embedder import Embedder
from holotype.errors import GalleryError, PackError, ProviderError
from holotype.gallery import Gallery, exists, gallery_model, name_of, open_gallery
from holotype.openset import Cohort, CohortModel
from holotype.pack import Pack, load_pack, present_name
from holotype.recognizer.kinds import DEFAULT_MODEL
from holotype.recognizer.recognizer import Recognizer

BARE = "vectors"  # the model of a gallery of bare vectors


def open(  # `holotype.open` reads as it is used, like gzip.open
    gallery: str | os.PathLike[str],
    model: str | os.PathLike[str] | None = None,
    *,
    dim: int | None = None,
    create: bool = True,
    keep_pictures: bool = False,
    providers: str | Sequence[str] | None = None,
    threads: int | None = None,
) -> Recognizer:
    """Open a gallery, or make a new one, together with the model it is bound to.

    Args:
        gallery: path of the gallery file; or the URL of a PostgreSQL database that holds it,
            `postgresql://USER@HOST:PORT/DATABASE` (docs/stores.md).
        model: name of a shipped pack, path of a pack folder, also where a gallery's own is now, or
            `hf:owner/name@revision` (`pack.load_pack`). None: the model that the gallery was made
            with; `characters` for a new one.
        dim: how many numbers an embedding has, for a new gallery of bare vectors: anybody's model
            computes them, and `vectors=` takes them in place of pictures. Such a gallery has no
            cohort; its enrolled, and what `calibrate` is shown, set the thresholds.
        create: whether a gallery that is not there is made.
        keep_pictures: whether a gallery that is made keeps the enrolled pictures, so that it can
            move to another model; one that is there stays as it is.
        providers: which processors run the model: `cpu`, `cuda`, `openvino`, `coreml`, `directml`;
            several, in a list or with commas, where the later ones compute what the earlier ones
            cannot. None: what HOLOTYPE_PROVIDERS says, or `cpu`. None of them is left out silently.
        threads: of the CPU for one call, 1 or more; None: as many as this process has cores.

    Raises:
        GalleryError: it is not a gallery, belongs to another model, or cannot be opened.
        PackError: the model pack is missing, altered or broken.
        ProviderError: a provider is not there, does not start, or fails the self-test of the pack;
            or `threads` is below 1.
    """
    if threads is not None and threads < 1:
        raise ProviderError(f"threads={threads} is below 1", "Leave it out for all cores")
    if dim is not None and model is not None:
        raise GalleryError(
            f"dim={dim} and model={os.fspath(model)!r} exclude one another",
            "Name the model that embeds pictures, or the length of bare vectors",
        )
    there = not create or exists(gallery)
    stored = gallery_model(gallery) if there else None
    if dim is None and model is None and stored is not None and stored[1] == BARE:
        dim = int(stored[0].removeprefix(f"{BARE}-"))
    if dim is not None:
        if dim < 1:
            raise GalleryError(f"dim={dim} is below 1", "Give the length of an embedding")
        embedder, known, data = None, CohortModel.of(Cohort.none(dim)), "no cohort"
        binding: dict[str, Any] = {
            "model_id": f"{BARE}-{dim}",
            "model_name": BARE,
            "embedding_dim": dim,
        }
    else:
        if stored is not None and model is not None:
            model = present_name(os.fspath(model), stored[0])
        pack = _pack_of(gallery, stored) if model is None else load_pack(model)
        model = model or (DEFAULT_MODEL if stored is None else stored[1])
        embedder, known, data = (
            Embedder(pack, threads, providers),
            cohort_model(pack),
            cohort_data(pack),
        )
        binding = {
            "model_id": pack.card.model_id,
            "model_name": stored_name(pack, model),
            "embedding_dim": pack.card.embedding_dim,
        }

    def store() -> Gallery:
        return open_gallery(gallery, create=create, keep_pictures=keep_pictures, **binding)

    # What is there is opened now, to refuse it now; what is not is made when it is needed, so
    # that an enrollment which is refused leaves no empty file.
    gallery_or_maker = store() if there else store
    return Recognizer(embedder, gallery_or_maker, known, data)


def _pack_of(gallery: str | os.PathLike[str], stored: tuple[str, str] | None) -> Pack:
    """The pack that a gallery was made with, or that of a new one."""
    if stored is None:
        return load_pack(DEFAULT_MODEL)
    model_id, name = stored
    if not os.path.isabs(name) or os.path.isdir(name):
        return load_pack(name)
    raise PackError(
        f"the model pack of the gallery {name_of(gallery)!r} was at {name!r} (id {model_id}), "
        "and is not there any more",
        "Say where it is now (`--model FOLDER`, or `model=`), or put it back",
    )


def cohort_model(pack: Pack) -> CohortModel:
    """What a pack brings to every gallery."""
    default = pack.card.cohort.get("default_similarity")
    return CohortModel.of(Cohort(*pack.cohort()), pack.background(), default)


def cohort_data(pack: Pack) -> str:
    """The data set that the pack's cohort comes from."""
    return str(pack.card.cohort.get("data", "the model's cohort"))


def stored_name(pack: Pack, model: str | os.PathLike[str]) -> str:
    """By what a gallery finds its model again: the name of a shipped pack, or an absolute path."""
    return str(model) if str(model) == pack.card.name else str(pack.path.resolve())
