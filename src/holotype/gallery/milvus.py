"""A Milvus collection as the index of a gallery; see `gallery.index`."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import grpc
from pymilvus import DataType, MilvusClient, MilvusException

from holotype.errors import GalleryError
from holotype.forking import abandon
from holotype.gallery.index import Collection
from holotype.stats.scoring import Floats

# It logs each failure with its traceback on stderr, beside raising it; what fails is told once.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)

_PORT = 19530
_WAIT_S = 10.0  # for an answer to a change, which others wait for
_SEARCH_S = 60.0
_ASKED = 512  # probes in one question
_NAME_BYTES = 128
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_METRIC = "IP"
# HNSW: 16 links a vector, and 200 candidates for each while it is built (Malkov and Yashunin 2018).
BUILT: dict[str, dict[str, int]] = {"flat": {}, "hnsw": {"M": 16, "efConstruction": 200}}
LOOKED_AT = 128  # candidates of a question, at least
_RELEASED = 101  # by a server that was started anew
_T = TypeVar("_T")


class MilvusIndex:
    """The `Index` in a Milvus collection, of keys, random ids and unit vectors."""

    def __init__(self, name: str, collection: str, kind: str, reach: dict[str, Any]) -> None:
        """Know where it is; nothing is asked yet.

        Args:
            name: as messages have it, without a password.
            collection: its name.
            kind: `flat`, which misses nobody, or `hnsw`.
            reach: what a client is made with.
        """
        self.name = name
        self.kind = f"{kind.upper()}/{_METRIC}"
        self.exact = kind == "flat"
        self._collection, self._index, self._reach = collection, kind, reach
        self._client: MilvusClient | None = None
        self._lock = threading.Lock()

    @classmethod
    def of(cls, url: str) -> Self:
        """Read a URL, `milvus://USER:PASSWORD@HOST:PORT/COLLECTION`.

        `?index=hnsw` makes an approximate index, `?tls=yes` encrypts.

        Raises:
            GalleryError: it cannot be read.
        """
        try:
            found = urlsplit(url)
            given = dict(parse_qsl(found.query, strict_parsing=True) if found.query else ())
            port = found.port or _PORT
        except ValueError:
            raise _unreadable("it cannot be read") from None
        kind, tls = given.pop("index", "flat"), given.pop("tls", "no")
        collection = found.path.strip("/")
        if given or kind not in BUILT or tls not in ("yes", "no"):
            raise _unreadable("it takes `index=flat`, `index=hnsw` and `tls=yes`, and nothing else")
        if not found.hostname or not _NAME.fullmatch(collection):
            raise _unreadable("it needs a host, and a collection named by letters, digits and _")
        user, password = (unquote(one or "") for one in (found.username, found.password))
        reach = {
            "uri": f"http{'s' if tls == 'yes' else ''}://{found.hostname}:{port}",
            "user": user,
            "password": password,
        }
        who = f"{user}@" if user else ""
        return cls(f"milvus://{who}{found.hostname}:{port}/{collection}", collection, kind, reach)

    def found(self) -> Collection | None:
        """What is there now; see `Index`."""
        return self._asked(self._found)

    def _found(self, client: MilvusClient) -> Collection | None:
        if not client.has_collection(self._collection, timeout=_WAIT_S):
            return None
        described = client.describe_collection(self._collection, timeout=_WAIT_S)
        fields = {field["name"]: field for field in described["fields"]}
        if fields.keys() != {"key", "name", "vector"}:
            return Collection(0, "no index of a gallery", 1)
        built = client.describe_index(self._collection, "vector", timeout=_WAIT_S)
        client.load_collection(self._collection, timeout=_WAIT_S)
        (counted,) = client.query(
            self._collection,
            output_fields=["count(*)"],
            consistency_level="Strong",
            timeout=_WAIT_S,
        )
        return Collection(
            int(fields["vector"]["params"]["dim"]),
            f"{built['index_type']}/{built['metric_type']}",
            int(counted["count(*)"]),
        )

    def create(self, embedding_dim: int) -> None:
        """An empty index in the place of whatever was there; see `Index`."""

        def make(client: MilvusClient) -> None:
            client.drop_collection(self._collection, timeout=_WAIT_S)
            schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("key", DataType.INT64, is_primary=True)
            schema.add_field("name", DataType.VARCHAR, max_length=_NAME_BYTES)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=embedding_dim)
            built = client.prepare_index_params()
            built.add_index(
                "vector",
                index_type=self._index.upper(),
                metric_type=_METRIC,
                params=BUILT[self._index],
            )
            client.create_collection(
                self._collection,
                schema=schema,
                index_params=built,
                consistency_level="Strong",
                timeout=_WAIT_S,
            )

        self._asked(make)

    def put(self, keys: Sequence[int], names: Sequence[str], vectors: Floats) -> None:
        """Store a name and a vector under each key; see `Index`."""
        rows = [
            {"key": key, "name": name, "vector": vector}
            for key, name, vector in zip(keys, names, vectors, strict=True)
        ]
        self._asked(lambda client: client.upsert(self._collection, rows, timeout=_WAIT_S))

    def drop(self, keys: Sequence[int]) -> None:
        """Delete what is under the keys; see `Index`."""
        self._asked(lambda client: client.delete(self._collection, ids=keys, timeout=_WAIT_S))

    def names(self, keys: Sequence[int]) -> dict[int, str]:
        """The names under those keys that are there; see `Index`."""
        rows = self._asked(
            lambda client: client.query(
                self._collection,
                ids=list(keys),
                output_fields=["key", "name"],
                consistency_level="Strong",
                timeout=_WAIT_S,
            )
        )
        return {int(row["key"]): str(row["name"]) for row in rows}

    def nearest(self, vectors: Floats, count: int) -> list[list[str]]:
        """The names of the most alike of each vector; see `Index`."""
        params = {} if self.exact else {"ef": max(LOOKED_AT, 2 * count)}
        found: list[list[str]] = []
        for start in range(0, len(vectors), _ASKED):
            block = list(vectors[start : start + _ASKED])
            hits = self._asked(
                lambda client, block=block: client.search(  # type: ignore[misc]
                    self._collection,
                    data=block,
                    limit=count,
                    output_fields=["name"],
                    search_params={"metric_type": _METRIC, "params": params},
                    consistency_level="Strong",
                    timeout=_SEARCH_S,
                )
            )
            found.extend([str(hit["entity"]["name"]) for hit in one] for one in hits)
        return found

    def compact(self) -> None:
        """Ask Milvus to; see `Index`."""
        self._asked(lambda client: client.compact(self._collection, timeout=_WAIT_S))

    def close(self) -> None:
        """Let go of the server."""
        with self._lock:
            if self._client is not None:
                with suppress(MilvusException):
                    self._client.close()
                self._client = None

    def leave(self) -> None:
        """Begin anew in a child made by fork; see `Index`."""
        self._lock = threading.Lock()
        if self._client is not None:
            abandon(self._client)
            self._client = None

    def _asked(self, ask: Callable[[MilvusClient], _T]) -> _T:
        """What the server answers; where a connection was cut, over another one.

        Whatever is asked may be asked again.
        """
        try:
            return ask(self._dialed())
        except MilvusException as error:
            again = error
        self.close()
        try:
            client = self._dialed()
            if again.code == _RELEASED:
                client.load_collection(self._collection, timeout=_WAIT_S)
            return ask(client)
        except MilvusException as error:
            raise self._failure(error) from error

    def _dialed(self) -> MilvusClient:
        with self._lock:
            if self._client is None:
                self._client = MilvusClient(**self._reach, timeout=_WAIT_S, dedicated=True)
            return self._client

    def _failure(self, error: MilvusException) -> GalleryError:
        why = " ".join(_reason(error).split())[:300]
        return GalleryError(
            f"the index {self.name!r} cannot be used: {why}",
            "Check that the server runs, its address, the user and the password; or open the "
            "gallery without the index: by what follows `truth=` in the URL",
        )


def _reason(error: MilvusException) -> str:
    """What the server answered: where it lets nobody in, pymilvus says that it is not there."""
    cause: BaseException | None = error
    seen: list[BaseException] = []
    while cause is not None and cause not in seen:  # it raises some of them from themselves
        seen.append(cause)
        if isinstance(cause, grpc.Call) and cause.details():
            return f"{cause.code().name}: {cause.details()}"
        cause = cause.__cause__ or cause.__context__
    return str(error.message)


def _unreadable(why: str) -> GalleryError:
    # The URL may hold a password.
    return GalleryError(
        f"the URL of the index cannot be used: {why}",
        "Write it as milvus://USER@HOST:PORT/COLLECTION?truth=GALLERY, where GALLERY is a file or "
        "the URL of a PostgreSQL database",
    )
