"""A pack by its place on the Hugging Face Hub: fetched or made once on each machine, then kept.

A repository that holds a pack gives that pack; of any other its network becomes one, without a
cohort. What is kept is of one commit. A place without a commit stays at the one that was newest
when it was first asked for, so that a gallery is not asked with another model from one day to the
next.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from holotype.errors import PackError
from holotype.pack import LIMIT_BYTES, TOKENIZER
from holotype.packing.build import build_pack
from holotype.packing.encoder import Chosen
from holotype.packing.hub import connected, parsed_place, pull_pack
from holotype.packing.model_input import preprocessing_for
from holotype.packing.repository import fetched

_COMMIT = re.compile(r"[0-9a-f]{40}")
_NOT_OF_A_NAME = re.compile(r"[^a-z0-9._-]")


def folder_of(place: str, kept: Path) -> Path:
    """The folder of the pack of a place, which is asked for there if it is not on this machine yet.

    Args:
        place: `hf:owner/name`, and `@revision`.
        kept: where packs of places are kept: OWNER/NAME/COMMIT.

    Raises:
        PackError: as for `repository.fetched`, `build_pack` and `pull_pack`.
        MissingExtraError: the extra `hub` is not installed.
    """
    repository, revision = parsed_place(place)
    of_repository, called = kept / repository, (revision or "main").replace("/", "-")
    # An empty file says which commit a name stood for: it is there at once or not at all.
    for named in of_repository.glob(f"{called}@*"):
        revision = named.name.removeprefix(f"{called}@")
    if not (revision and _COMMIT.fullmatch(revision) and (of_repository / revision).is_dir()):
        revision = _made(f"hf:{repository}@{revision or 'main'}", of_repository)
        (of_repository / f"{called}@{revision}").touch()
    return of_repository / revision


def _made(place: str, of_repository: Path) -> str:
    """Fetch the pack of a place, or make it; the commit, which is the name of its folder."""
    repository, revision = parsed_place(place)
    with connected(place) as (_, api):
        info = api.model_info(repository, revision=revision)
        commit, files = str(info.sha), {one.rfilename for one in info.siblings or ()}
    place, folder = f"hf:{repository}@{commit}", of_repository / commit
    try:
        if files >= LIMIT_BYTES.keys() - {TOKENIZER}:
            pull_pack(place, folder)
        else:
            _build(place, folder)
    except PackError:
        if not folder.is_dir():  # else another process was faster
            raise
    return commit


def _build(place: str, folder: Path) -> None:
    name = _NOT_OF_A_NAME.sub("-", folder.parent.name.lower()).lstrip("._-")[:64]
    with fetched(place) as found:
        build_pack(
            found.model,
            None,
            folder,
            name=name or "encoder",
            preprocess=partial(preprocessing_for, notes=found.notes, **found.stated),
            license=found.license,
            command=f"holotype pack build --from {place} --name {name}",
            chosen=Chosen(found.outputs, found.pool, found.bgr),
            notes=found.notes,
            source=found.source,
            tokenizer=found.tokenizer,
            text=found.text,
        )
