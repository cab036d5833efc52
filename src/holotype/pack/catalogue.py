"""The packs by name: those that come with holotype, and those that are made on each machine."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holotype.domains.domain import MadePack
from holotype.domains.registry import domains, of_pack
from holotype.errors import PackError
from holotype.model.graph import read_graph
from holotype.pack.card import card_from_json
from holotype.pack.reading import SHIPPED, Pack, read_pack
from holotype.pack.writing import write_pack

_HUB = "hf:"  # how the place of a repository begins
_RENAMED = {"objects": "shelf"}  # another pack bears the old name now


def shipped_packs() -> list[str]:
    """Names of the packs that come with holotype, sorted."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/card.json"))


def present_name(name: str, model_id: str) -> str:
    """What the pack is called now that was called `name` when a gallery was bound to its id."""
    later = _RENAMED.get(name)
    if later is None:
        return name
    card = card_from_json((SHIPPED / later / "card.json").read_bytes())
    return later if card.model_id == model_id else name


def made_packs() -> dict[str, bool]:
    """The packs that are made of what an extra installs, sorted; and which were on this machine."""
    return {name: _made_folder(name).is_dir() for name in sorted(_made_here())}


@dataclass(frozen=True, slots=True)
class KnownPack:
    """A pack that can be used by name."""

    name: str
    kind: str  # of its input
    reads: str  # in some words
    pack: Pack | None  # None: it is made at first use
    remedy: str  # what to install before it can be used; empty where nothing is missing


def known_packs() -> list[KnownPack]:
    """All of them: those that come with holotype, then those that are made on each machine.

    One whose files were checked by this process and are as long and as old as then is not checked
    again: that takes a second of a processor for all.

    Raises:
        PackError: one that is there is damaged.
    """
    there = {**dict.fromkeys(shipped_packs(), True), **made_packs()}
    return [
        KnownPack(
            name,
            of_pack(name).kind,
            of_pack(name).packs[name],
            _checked(name, _files(name)) if is_there else None,
            of_pack(name).remedy(name, is_there),
        )
        for name, is_there in there.items()
    ]


def _files(name: str) -> tuple[tuple[str, int, int], ...]:
    """The files of a pack that is there, how long they are, and how old."""
    folder = _made_folder(name) if name in _made_here() else SHIPPED / name
    found = []
    for path in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError):  # another process makes it anew
            one = path.stat()
            found.append((str(path), one.st_size, one.st_mtime_ns))
    return tuple(found)


@lru_cache(maxsize=32)
def _checked(name: str, files: tuple[tuple[str, int, int], ...]) -> Pack:
    return load_pack(name)


def load_pack(name_or_path: str | os.PathLike[str]) -> Pack:
    """Open a model pack and check every file of it.

    Args:
        name_or_path: the name of a shipped pack, the path of a folder, or a place on the Hugging
            Face Hub, `hf:owner/name` or `hf:owner/name@revision`, whose pack is fetched or whose
            network becomes a pack, once on each machine; write `./name` for a folder that bears
            the name of a shipped pack.

    Raises:
        PackError: there is no such pack, or a file of it is missing, truncated, altered, too
            large, of a newer format, or disagrees with the others; or the network of a place makes
            no pack, or cannot be fetched.
        MissingExtraError: what fetches or makes the pack is not installed.
    """
    name = os.fspath(name_or_path)
    if name in _made_here():
        return _opened(name)
    if name.startswith(_HUB):
        # What makes packs stands on what loads them, so its module is named here and not imported.
        places = import_module("holotype.packing.places")
        return read_pack(places.folder_of(name, _made_packs() / "hub"))
    path = SHIPPED / name if name in shipped_packs() else Path(name)
    try:
        is_folder = path.is_dir()
    except (OSError, ValueError):
        is_folder = False
    if not is_folder:
        raise PackError(
            f"{name!r} is neither a shipped pack ({', '.join(shipped_packs()) or 'there is none'})"
            " nor a folder",
            "Name a shipped pack, the folder that `holotype export` wrote, or hf:owner/name",
        )
    return replace(read_pack(path), trusted=path.parent == SHIPPED)


def _opened(name: str) -> Pack:
    """A pack that is made on each machine, and anew where a file of it was lost or damaged."""
    folder = _made(name)
    try:
        return replace(read_pack(folder), trusted=True)
    except PackError:
        aside = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
        with suppress(FileNotFoundError):  # else another process was faster
            folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
        return replace(read_pack(_made(name)), trusted=True)


def _made(name: str) -> Path:
    """The folder of such a pack, made where it is not there."""
    folder = _made_folder(name)
    if not folder.is_dir():
        parts = _made_here()[name].parts()
        try:
            write_pack(folder, **parts, self_test=_computed(parts["model"]))
        except PackError:
            if not folder.is_dir():  # else another process was faster
                raise
    return folder


def _made_here() -> dict[str, MadePack]:
    """The packs that are made on each machine."""
    return {name: made for one in domains().values() for name, made in one.made.items()}


def _computed(model: bytes) -> NDArray[np.float32]:
    """The self-test of a model that was made here, on the CPU."""
    from holotype.model.feed import made_up
    from holotype.model.self_test import COUNT
    from holotype.model.session import open_session

    graph = read_graph(model)
    session = open_session(model, graph, None)
    (vectors,) = session.run(None, dict(made_up(graph.inputs, COUNT)))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _made_folder(name: str) -> Path:
    return _made_packs() / f"{name}-{_made_here()[name].version}"


def _made_packs() -> Path:
    return Path.home() / ".cache" / "holotype" / "packs"
