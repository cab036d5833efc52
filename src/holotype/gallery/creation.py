"""The beginning of a gallery, and its way to the present schema, in one transaction."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from holotype.errors import GalleryError
from holotype.gallery import audit
from holotype.gallery.connection import Connection
from holotype.gallery.schema import (
    SCHEMA_VERSION,
    Binding,
    bind,
    one,
    read_binding,
    schema_version,
    upgrade,
)


def create(
    connection: Connection,
    binding: Binding,
    keep_pictures: bool,
    actor: str | None,
    fill: Callable[[Connection], None] | None = None,
) -> None:
    """Make the tables of a gallery: empty, or with what `fill` puts in."""
    upgrade(connection)
    bind(connection, binding)
    _give_key(connection)
    connection.execute("UPDATE meta SET keep_pictures = ?", (keep_pictures,))
    audit.append(
        connection,
        "create",
        actor,
        schema=SCHEMA_VERSION,
        model=binding.model_id,
        keep_pictures=keep_pictures,
        gallery=secrets.token_hex(16),
    )
    if fill is not None:
        fill(connection)


def modernize(connection: Connection, actor: str | None) -> None:
    """Bring an older gallery to the present schema."""
    found = schema_version(connection)
    if found == SCHEMA_VERSION:
        return
    upgrade(connection)
    _give_key(connection)
    audit.append(
        connection,
        "migrate",
        actor,
        from_schema=found,
        schema=SCHEMA_VERSION,
        identities=one(connection, "SELECT COUNT(*) FROM identities"),
        examples=one(connection, "SELECT COUNT(*) FROM examples"),
        model=read_binding(connection).model_id,
        gallery=secrets.token_hex(16),
    )


def _give_key(connection: Connection) -> None:
    """The secret that decisions are signed with: never shown, never changed."""
    key = secrets.token_bytes(32)
    connection.execute("UPDATE meta SET signing_key = ? WHERE signing_key IS NULL", (key,))


def newer(place: str, version: int) -> GalleryError:
    """That a gallery was made by a later holotype."""
    return GalleryError(
        f"the gallery {place!r} has schema version {version}; "
        f"this holotype knows up to {SCHEMA_VERSION}",
        "Upgrade holotype",
    )
