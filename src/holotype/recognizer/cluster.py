"""Workers of a Ray cluster: they look at pictures and compare, and this process stores.

Ray hands the parts out, starts a worker again that died, and does its part again. A worker gets the
model and one state of a gallery, and never opens the gallery itself.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import secrets
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from holotype.cores import usable_cores
from holotype.domains.domain import Detected
from holotype.embedder import Embedder
from holotype.errors import HolotypeError, MissingExtraError, ProviderError
from holotype.extras import Extra
from holotype.gallery import Gallery
from holotype.image.decode import ImageSource
from holotype.model.providers import CPU
from holotype.pack import Pack, load_pack
from holotype.recognizer.recognizer import Recognizer
from holotype.recognizer.state import State

LOCAL = "local"
_EXTRA = Extra("ray", ("ray",), "workers on a cluster need {}")
_ATTEMPTS = 4  # of a part: what kills as many workers kills any
_AHEAD = 2  # parts on their way for each core, so that none waits for the next
_REACHED_S = 5.0
# Versions that decide what is computed; Ray itself insists on its own and Python's.
_COMPUTING = ("holotype", "numpy", "onnxruntime")

Sources = Sequence[ImageSource | Detected]
Work = Callable[..., Any]  # a Recognizer, Sources and what is asked -> an answer to each


@dataclass(frozen=True, slots=True)
class Coming:
    """What a worker will have found."""

    _ref: Any

    def result(self) -> Any:
        """Wait for it.

        Raises:
            HolotypeError: as on the worker.
            ProviderError: workers die of it, or cannot run it.
        """
        import ray

        try:
            return ray.get(self._ref)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, HolotypeError):
                raise error.cause from None
            raise ProviderError(
                f"a worker failed ({_last_line(error)})",
                "Install the holotype of this machine on each machine of the cluster",
            ) from error
        except ray.exceptions.RayError as error:
            raise ProviderError(
                f"{_ATTEMPTS} workers died of the same rows ({_first_line(error)})",
                "Give the workers more memory, or look for the picture that they die of; the same "
                "command goes on",
            ) from error


@dataclass(frozen=True, slots=True)
class Workers:
    """As many as the cluster has cores."""

    ahead: int  # parts that are to be on their way

    def ready(self, recognizer: Recognizer, state: State | None = None) -> Callable[..., Coming]:
        """Give them what they need.

        Args:
            recognizer: whose model it is.
            state: of its gallery; None: nothing is compared.

        Returns:
            What submits some work, and the sources and options that it is called with.

        Raises:
            ProviderError: the model runs elsewhere than on the CPU.
        """
        import ray

        pack = recognizer.pack
        if pack is not None and recognizer.embedder.providers != (CPU,):
            providers = ",".join(recognizer.embedder.providers)
            raise ProviderError(
                f"the model runs on {providers} here, and workers compute on the CPU",
                "Ask for `cpu` (HOLOTYPE_PROVIDERS), or leave the cluster out",
            )
        files = None if pack is None else (_files(pack), pack.trusted)
        shared = ray.put((_versions(), files, state, recognizer.model, recognizer.cohort_data))
        task = ray.remote(num_cpus=1, max_retries=_ATTEMPTS - 1)(_worked)
        # In a list it stays where it is until a worker asks for it, once.
        return lambda work, *given, **asked: Coming(task.remote([shared], work, *given, **asked))


@contextmanager
def workers_at(address: str | None) -> Iterator[Workers | None]:
    """Workers, one for each core of a cluster, as long as this lasts.

    Args:
        address: HOST:PORT of the head of a cluster that this machine is part of; `local`: workers
            are started on this machine, and listen on its loopback alone; None: there are none.

    Raises:
        MissingExtraError: Ray is not installed.
        ProviderError: there is no such cluster, or it has no cores.
    """
    if address is None:
        yield None
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == LOCAL or _on_loopback(address):
        # Ray's word for it: it would take the address of the machine in the network instead.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    if address == LOCAL:
        # A secret of their own: nobody else on this machine is to give them work.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with _EXTRA.required():
        import ray  # it reads these when it is imported
    started: dict[str, Any] = {}
    if address == LOCAL:
        started = {"num_cpus": usable_cores(), "include_dashboard": False}
    else:
        _reach(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **started)
    except Exception as error:  # they have no common base
        raise _no_cluster(address, _first_line(error)) from error
    try:
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
        cores = int(resources.get("CPU", 0))
        if not cores:
            raise _no_cluster(address, "it has no cores")
        # What Ray says meanwhile, such as that a worker died, is no result.
        with redirect_stdout(sys.stderr):
            yield Workers(_AHEAD * cores)
    finally:
        ray.shutdown()


class _Fixed(Recognizer):
    """A recognizer of one state of a gallery that lies elsewhere."""

    def __init__(self, embedder: Embedder | None, state: State | None, *known: Any) -> None:
        super().__init__(embedder, _elsewhere, *known)
        self._fixed = state

    def state_of(self, tag: str | None) -> State:
        """The one, of those alone who have the tag: who made it saw to that."""
        assert self._fixed is not None
        return self._fixed


def _elsewhere() -> Gallery:
    raise AssertionError("a worker opens no gallery")


_held: dict[str, Recognizer] = {}  # by what was shared: one, in each worker


def _worked(shared: list[Any], work: Work, *given: Any, **asked: Any) -> Any:
    """On a worker: do some work, with the model and the state that it holds."""
    import ray

    (reference,) = shared
    key = reference.hex()
    if key not in _held:
        _held.clear()
        try:
            _held[key] = _opened(*ray.get(reference))
        except (MissingExtraError, ProviderError) as error:
            at = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
            raise type(error)(f"on the worker at {at} {error.problem}", error.remedy) from None
    return work(_held[key], *given, **asked)


def _opened(
    versions: dict[str, str],
    files: tuple[dict[str, bytes], bool] | None,
    state: State | None,
    *known: Any,
) -> Recognizer:
    if _versions() != versions:
        here, there = (
            ", ".join(f"{name} {number}" for name, number in some.items())
            for some in (_versions(), versions)
        )
        raise ProviderError(
            f"there is {here}, and where the gallery is {there}: answers could differ",
            "Install the same on each machine of the cluster",
        )
    if files is None:
        return _Fixed(None, state, *known)
    contents, trusted = files
    with TemporaryDirectory() as name:
        for file, content in contents.items():
            path = Path(name, file)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        pack = load_pack(name)
        embedder = Embedder(Pack(pack.path, pack.card, trusted), threads=1, providers=CPU)
    extra = embedder.domain.extra
    if extra is not None and not extra.installed():
        with extra.required():
            raise ImportError(name=extra.packages[0])
    return _Fixed(embedder, state, *known)


def _files(pack: Pack) -> dict[str, bytes]:
    return {
        file: pack.model() if file == "model.onnx" else (pack.path / file).read_bytes()
        for file in pack.files
    }


def _versions() -> dict[str, str]:
    return {name: version(name) for name in _COMPUTING}


def _on_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _reach(address: str) -> None:
    """Ray tries for many minutes to reach what is not there."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "//" in host:
        raise ProviderError(
            f"{address!r} is no address of a Ray cluster",
            f"Give HOST:PORT of its head, from one of its machines, or `{LOCAL}`",
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _REACHED_S).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, getattr(error, "strerror", None) or str(error)) from error


def _no_cluster(address: str, problem: str) -> ProviderError:
    return ProviderError(
        f"no Ray cluster can be joined at {address!r} ({problem})",
        "Start one (`ray start --head`), or give the address of its head, from one of its "
        "machines; where it has a token, set RAY_AUTH_MODE and RAY_AUTH_TOKEN as it was started",
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:200]
