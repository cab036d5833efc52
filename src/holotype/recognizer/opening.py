"""From a path to a Recognizer: the gallery there, and the model that it is bound to."""

from __future__ import annotations

import os
from pathlib import Path

from holotype.calibration import Cohort
from holotype.embedder import Embedder
from holotype.gallery import Gallery, SqliteGallery, gallery_model
from holotype.pack import Pack, load_pack
from holotype.recognizer.recognizer import Recognizer

DEFAULT_MODEL = "characters"


def open(  # `holotype.open` reads as it is used, like gzip.open
    gallery: str | os.PathLike[str],
    model: str | os.PathLike[str] | None = None,
    *,
    create: bool = True,
    keep_pictures: bool = False,
) -> Recognizer:
    """Open a gallery, or make a new one, together with the model it is bound to.

    Args:
        gallery: path of the gallery file.
        model: name of a shipped pack or path of a pack folder. None: the model that the gallery
            was made with; `characters` for a new one.
        create: whether a gallery that is not there is made.
        keep_pictures: whether a gallery that is made keeps the enrolled pictures, so that it can
            move to another model; one that is there stays as it is.

    Raises:
        GalleryError: it is not a gallery, belongs to another model, or cannot be opened.
        PackError: the model pack is missing, altered or broken.
    """
    path = Path(gallery)
    if model is None:
        model = gallery_model(path)[1] if path.exists() or not create else DEFAULT_MODEL
    pack = load_pack(model)
    embedder, cohort = Embedder(pack), Cohort(*pack.cohort())

    def store() -> Gallery:
        return SqliteGallery.open(
            path,
            model_id=pack.card.model_id,
            model_name=stored_name(pack, model),
            embedding_dim=pack.card.embedding_dim,
            create=create,
            keep_pictures=keep_pictures,
        )

    # What is there is opened now, to refuse it now; what is not is made when it is needed, so
    # that an enrollment which is refused leaves no empty file.
    gallery_or_maker = store if create and not path.exists() else store()
    return Recognizer(
        embedder,
        gallery_or_maker,
        cohort,
        pack.background(),
        pack.card.cohort.get("default_similarity"),
        str(pack.card.cohort.get("data", "the model's cohort")),
    )


def stored_name(pack: Pack, model: str | os.PathLike[str]) -> str:
    """By what a gallery finds its model again: the name of a shipped pack, or an absolute path."""
    return str(model) if str(model) == pack.card.name else str(Path(model).resolve())
