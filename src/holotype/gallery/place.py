"""Where a gallery is: a file, or a database by its URL; and where its index is, if it has one."""

from __future__ import annotations

import logging
import os
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from holotype.errors import GalleryError
from holotype.extras import Extra
from holotype.gallery.backup import restore as restore_file
from holotype.gallery.file import real_path
from holotype.gallery.imported import Imported
from holotype.gallery.rows import Gallery
from holotype.gallery.sqlite import SqliteGallery
from holotype.pack import present_name

Place = str | os.PathLike[str]
_LOG = logging.getLogger(__name__)
_POSTGRES = (
    "holotype.gallery.postgres:PostgresGallery",
    Extra("postgres", ("psycopg",), "a gallery in PostgreSQL needs {}"),
)
# By the scheme of a URL: the class, and what must be installed for it.
_ENGINES = {"postgresql": _POSTGRES, "postgres": _POSTGRES}
_INDEX = "milvus"
_MILVUS = Extra("milvus", ("pymilvus",), "an index in Milvus needs {}")
_TRUTH = re.compile(r"[?&]truth=")
_URL = re.compile(r"[a-z][a-z0-9+.-]+://")  # of more than one letter: those are drives


def is_url(place: Place) -> bool:
    """Whether it is the URL of a database, and no file."""
    return bool(_URL.match(os.fspath(place)))


def truth_of(place: Place) -> Place:
    """Where the rows of a gallery are: the place itself, or what the URL of an index names.

    All that follows `truth=` is the place, as it would be written alone.

    Raises:
        GalleryError: it is the URL of an index, and names none.
    """
    url = os.fspath(place)
    if not (is_url(place) and url.startswith(f"{_INDEX}://")):
        return place
    _, *found = _TRUTH.split(url, maxsplit=1)
    if not found or not found[0] or found[0].startswith(f"{_INDEX}://"):
        raise GalleryError(
            "Milvus is an index of a gallery, and the URL does not say where the gallery itself is",
            "Put it at the end: `?truth=desk.gallery`, or the URL of a PostgreSQL database",
        )
    return found[0]


def engine_of(place: Place) -> type[Gallery]:
    """The class of galleries at such a place.

    Raises:
        GalleryError: it is a URL, but not of an engine that is known.
        MissingExtraError: what talks to the engine is not installed.
    """
    place = truth_of(place)
    if not is_url(place):
        return SqliteGallery
    scheme = os.fspath(place).partition(":")[0]
    if scheme not in _ENGINES:
        raise GalleryError(
            f"a gallery is a file, or a database by a URL that begins with postgresql://, or one "
            f"of these with an index by one that begins with milvus://; this begins with "
            f"{scheme}://",
            "Name a file, or the URL of a PostgreSQL database",
        )
    name, extra = _ENGINES[scheme]
    module, _, kind = name.partition(":")
    with extra.required():
        return cast("type[Gallery]", getattr(import_module(module), kind))


def name_of(place: Place) -> str:
    """What to call a gallery where people read it: short, and without a password."""
    place = truth_of(place)
    if not is_url(place):
        return Path(place).name
    found = urlsplit(called(place))
    second = found.query.partition("=")[2]  # of several in one database
    return "-".join(filter(None, (found.path.strip("/"), second))) or "holotype"


def called(place: Place) -> str:
    """A place as it was given, but without a password."""
    truth = truth_of(place)
    alone = engine_of(truth).called(truth)
    if truth is place:
        return alone
    head = os.fspath(place).removesuffix(os.fspath(truth))
    found = urlsplit(head)
    user = f"{found.username}@" if found.username else ""
    return urlunsplit(found._replace(netloc=user + found.netloc.rpartition("@")[2])) + alone


def file_beside(place: Place, ending: str) -> Path:
    """Where a server keeps what belongs to a gallery; of a database in the working folder."""
    place = truth_of(place)
    path = Path(name_of(place)) if is_url(place) else Path(place)
    return path.with_name(f"{path.name}.{ending}")


def events_of(place: Place) -> Path:
    """The file that holds the events of a gallery, by whatever link it is opened."""
    place = truth_of(place)
    return file_beside(place if is_url(place) else real_path(place), "events")


def inbox_of(place: Place) -> Path:
    """The file that holds the inbox of a gallery, likewise."""
    return events_of(place).with_suffix(".inbox")


def jobs_of(place: Place) -> Path:
    """The file in which a server notes its jobs, likewise."""
    return events_of(place).with_suffix(".jobs")


def exists(place: Place) -> bool:
    """Whether there is anything where a gallery would be made."""
    return engine_of(place).exists(truth_of(place))


def open_gallery(place: Place, *arguments: Any, **options: Any) -> Gallery:
    """Open the gallery at a place, or make it; see `Gallery.open`."""
    return _indexed(engine_of(place).open(truth_of(place), *arguments, **options), place)


def existing(place: Place) -> Gallery:
    """Open the gallery at a place for whatever model it is bound to; see `Gallery`."""
    return _indexed(engine_of(place).existing(truth_of(place)), place)


def reindex(place: Place) -> int:
    """Make the index of a gallery anew, and empty it of all that it has kept.

    Returns:
        How many identities are in it.

    Raises:
        GalleryError: the place names no index, or the collection is that of another gallery.
    """
    if truth_of(place) is place:
        raise GalleryError(
            f"{called(place)!r} has no index",
            "Name the URL of the index, milvus://HOST:PORT/COLLECTION?truth=GALLERY",
        )
    with _indexed(engine_of(place).existing(truth_of(place)), place, anew=True) as gallery:
        return len(gallery.labels())


def _indexed(gallery: Gallery, place: Place, *, anew: bool = False) -> Gallery:
    """The gallery with the index that its place names, if it names one."""
    if truth_of(place) is place:
        return gallery
    try:
        with _MILVUS.required():
            from holotype.gallery.milvus import MilvusIndex
        gallery.attach(MilvusIndex.of(_TRUTH.split(os.fspath(place))[0]), anew=anew)
    except BaseException:
        gallery.close()
        raise
    return gallery


def gallery_model(place: Place) -> tuple[str, str]:
    """The id of the model that the gallery at `place` belongs to, and what it is called now.

    Raises:
        GalleryError: there is no gallery, or it cannot be read.
    """
    binding = engine_of(place).binding_of(truth_of(place))
    name = present_name(binding.model_name, binding.model_id)
    if name != binding.model_name:
        _tell_renamed(os.fspath(place), binding.model_name, name)
    return binding.model_id, name


@cache
def _tell_renamed(place: str, name: str, now: str) -> None:
    """Once for each gallery."""
    _LOG.warning(
        "The gallery %r was made with the pack `%s` of an earlier version, which is called `%s` "
        "now and is used as before; `%s` is another pack.",
        name_of(place),
        name,
        now,
        name,
    )


def take_in(folder: Place, place: Place, *, actor: str | None = None) -> Imported:
    """Store what `export` wrote in the gallery at a place; see `Gallery.take_in`."""
    return engine_of(place).take_in(folder, truth_of(place), actor=actor)


def restore(
    backup: Place, target: Place, *, replace: bool = False, actor: str | None = None
) -> None:
    """Make a gallery file from a backup, after checking all of it; see `holotype.gallery.backup`.

    Raises:
        GalleryError: as there, or `target` is the URL of a database.
    """
    target = truth_of(target)
    if is_url(target):
        raise GalleryError(
            f"a backup is restored to a file, and {called(target)!r} is a database",
            "Use `holotype copy BACKUP URL`, to where there is no gallery",
        )
    restore_file(backup, target, replace=replace, actor=actor)
