"""Packs on the Hugging Face Hub: sent and fetched as what they are, a few files.

What is fetched is pinned: by the commit of the repository, which is looked up once, and by the
digest of the pack, which the caller may demand.
"""

from __future__ import annotations

import os
import re
import shlex
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holotype.errors import PackError
from holotype.extras import Extra
from holotype.pack import LIMIT_BYTES, TEXT, TOKENIZER, require_new
from holotype.packing.verify import pack_digest, verify_pack

_PLACE = re.compile(r"hf:(\w[\w.-]*/\w[\w.-]*)(?:@([\w./-]+))?")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Shared:
    """A pack in a repository."""

    repository: str  # owner/name
    revision: str  # the commit
    digest: str  # of the pack

    @property
    def command(self) -> str:
        """What fetches exactly this pack."""
        place, name = f"hf:{self.repository}@{self.revision}", self.repository.split("/")[1]
        return shlex.join(
            ["holotype", "pack", "pull", place, "--out", name, "--sha256", self.digest]
        )


def push_pack(name_or_path: str | os.PathLike[str], place: str) -> Shared:
    """Send a pack, checked before it leaves; the repository is made where there is none.

    Args:
        name_or_path: as for `load_pack`.
        place: `hf:owner/name`.

    Raises:
        PackError: the pack fails a check, or the hub refuses it or cannot be reached.
        MissingExtraError: the extra `hub` is not installed.
    """
    repository, revision = parsed_place(place)
    if revision:
        raise PackError(f"{place!r} names a revision, which sending makes", "Leave it out")
    checked = verify_pack(name_or_path)
    with connected(place) as (hub, api), warnings.catch_warnings():
        # The hub warns that README.md has no header for its search; a pack's page is for people.
        warnings.simplefilter("ignore")
        api.create_repo(repository, exist_ok=True)
        commit = api.create_commit(
            repository,
            [
                hub.CommitOperationAdd(
                    path_in_repo=file,
                    path_or_fileobj=checked.pack.model()
                    if file == "model.onnx"
                    else checked.pack.path / file,
                )
                for file in checked.pack.files
            ],
            commit_message=f"Pack {checked.pack.card.name}, model {checked.pack.card.model_id}",
        )
    return Shared(repository, str(commit.oid), checked.digest)


def pull_pack(place: str, out: Path, digest: str | None = None) -> Shared:
    """Fetch a pack into a new folder; what fails a check is not kept.

    Args:
        place: `hf:owner/name`, and `@revision` for another than the newest.
        out: the folder to make.
        digest: what the pack must be, from `push_pack` or an earlier `pull_pack`.

    Raises:
        PackError: there is no such pack, it fails a check, is another than demanded, or the hub
            cannot be reached.
        MissingExtraError: the extra `hub` is not installed.
    """
    repository, wanted = parsed_place(place)
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise PackError(f"{digest!r} is no SHA-256 digest", "Pass 64 digits of 0-9 and a-f")
    require_new(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        draft = Path(folder) / "pack"
        with connected(place) as (hub, api):
            revision = str(api.model_info(repository, revision=wanted).sha)
            of_text = [f"{TEXT}/{file}" for file in LIMIT_BYTES]
            found = api.get_paths_info(repository, [*LIMIT_BYTES, *of_text], revision=revision)
            for file in _checked_files(place, found):
                kept = hub.hf_hub_download(
                    repository,
                    file,
                    revision=revision,
                    cache_dir=Path(folder) / "cache",
                    endpoint=api.endpoint,
                )
                (draft / file).parent.mkdir(parents=True, exist_ok=True)
                (draft / file).write_bytes(Path(kept).read_bytes())
        drawn = pack_digest(draft)
        if digest is not None and drawn != digest:
            raise PackError(
                f"{place} is the pack {drawn}, not the {digest} that was demanded",
                "Ask whoever gave the digest; use the pack only if you know why it changed",
            )
        verify_pack(draft)
        draft.rename(out)
    return Shared(repository, revision, drawn)


def parsed_place(place: str) -> tuple[str, str | None]:
    """The repository and the revision of `hf:owner/name@revision`.

    Raises:
        PackError: it is no such place.
    """
    match = _PLACE.fullmatch(place)
    if match is None:
        raise PackError(
            f"{place!r} is not hf:owner/name or hf:owner/name@revision",
            "Name a model repository of the Hugging Face Hub",
        )
    return match[1], match[2]


def _checked_files(place: str, found: list[Any]) -> list[str]:
    """The files of a pack, of which only the tokenizer and a text side may be absent."""
    sizes = {file.path: file.size for file in found}
    absent = [file for file in LIMIT_BYTES if file != TOKENIZER and file not in sizes]
    if absent:
        raise PackError(f"{place} has no {absent[0]}", "Name a repository that holds a pack")
    for file, size in sizes.items():
        limit = LIMIT_BYTES[file.removeprefix(f"{TEXT}/")]
        if size > limit:
            raise PackError(
                f"{file} of {place} has {size:,} bytes; at most {limit:,} are fetched",
                "Name another pack",
            )
    return list(sizes)


@contextmanager
def connected(place: str) -> Iterator[tuple[Any, Any]]:
    """The library and its client; what goes wrong comes out as a PackError."""
    for switch in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(switch, "1")
    with Extra("hub", ("huggingface_hub",), "packs are shared through huggingface_hub").required():
        import huggingface_hub
        from huggingface_hub import errors
    endpoint = os.environ.get("HF_ENDPOINT")
    api = huggingface_hub.HfApi(endpoint=endpoint)
    try:
        yield huggingface_hub, api
    except PackError:
        raise
    except errors.GatedRepoError as error:
        raise PackError(
            f"{place} is gated: its owner says who may fetch it",
            "Ask for access on its page, and log in with `hf auth login`",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise PackError(
            f"there is no {place}, or it is not yours to see",
            "Check the name, and log in with `hf auth login`",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise PackError(f"there is no such revision as in {place}", "Check it") from error
    except errors.HfHubHTTPError as error:
        raise PackError(
            f"the hub refused {place} ({_line(error)})",
            "Log in with `hf auth login`, or check your rights to that repository",
        ) from error
    except OSError as error:  # of the file system or the network
        raise _unreachable(place, api.endpoint, error) from error
    except Exception as error:  # the HTTP client below has kinds of its own
        raise _unreachable(place, api.endpoint, error) from error


def _unreachable(place: str, endpoint: str, error: Exception) -> PackError:
    return PackError(
        f"{place} cannot be reached at {endpoint} ({_line(error)})",
        "Check the connection; a pack that is on this machine is used without it",
    )


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
