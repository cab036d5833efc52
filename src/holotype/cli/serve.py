"""The command that serves a gallery over HTTP."""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holotype.cli.display import say
from holotype.errors import MissingExtraError, ServingError
from holotype.extras import install

if TYPE_CHECKING:
    from holotype.server.serving import Started

_PACKAGES = (
    "fastapi",
    "uvicorn",
    "httptools",
    "starlette",
    "python_multipart",
    "prometheus_client",
)
_PORT = 8470


class Told(enum.StrEnum):
    """Answers of which events may be made."""

    match = "match"
    unknown = "unknown"
    cannot_tell = "cannot_tell"


def serve(
    gallery: Annotated[
        str,
        typer.Argument(
            metavar="GALLERY",
            help="The file of the gallery, or the URL of its database; made if missing.",
        ),
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the server.")] = _PORT,
    listen: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Of this machine. One that others reach needs TLS, or a proxy that encrypts.",
        ),
    ] = "127.0.0.1",
    model: Annotated[
        str | None, typer.Option(help="Name or folder of the model pack, for a new gallery.")
    ] = None,
    keep_pictures: Annotated[
        bool, typer.Option("--keep-pictures", help="Keep enrolled pictures, in a new gallery.")
    ] = False,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate, in PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, in PEM.")] = None,
    behind_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS", help="Of a proxy that encrypts; only such may connect then."
        ),
    ] = None,
    user_header: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="In which that proxy names the user, who then needs no key."
        ),
    ] = None,
    role_header: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="In which it says read, enroll or admin; else a user may read."
        ),
    ] = None,
    calls_a_minute: Annotated[
        int, typer.Option(min=1, metavar="N", help="That one key, or one user, may make.")
    ] = 6000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name that the server is called by."),
    ] = None,
    new_key: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Make one more key of scope `admin`, and show it."),
    ] = None,
    keep_events: Annotated[
        float, typer.Option(metavar="HOURS", min=0.01, help="For which events are kept.")
    ] = 24.0,
    webhook: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=URL",
            help="Send events there from now on; its secret is shown. May be in your network.",
        ),
    ] = None,
    mqtt: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Publish events there, as Home Assistant finds them; mqtt://HOST or mqtts://HOST.",
        ),
    ] = None,
    tell: Annotated[
        list[Told] | None,
        typer.Option(
            help="Make events of such answers; else of matches and unknowns of cameras alone."
        ),
    ] = None,
    camera: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SOURCE",
            help="Watch it: rtsp://..., a number (0 is the first) or a video file.",
        ),
    ] = None,
    fpir: Annotated[
        str | None,
        typer.Option(
            metavar="RATE", help="The share of strangers among visitors that cameras may accept."
        ),
    ] = None,
    keep_seen: Annotated[
        float,
        typer.Option(
            metavar="HOURS", min=0, help="For which the picture of a visitor is kept; 0 keeps none."
        ),
    ] = 0.0,
    inbox: Annotated[
        float,
        typer.Option(
            metavar="HOURS",
            min=0,
            max=24,
            help="Keep pictures of who gets no match, to be named; 0 keeps none, erases earlier.",
        ),
    ] = 0.0,
) -> None:
    """Serve a gallery: a page for people, and `/v1` for programs (docs/serve.md).

    The first time, a key is made and shown. Ctrl-C, or SIGTERM, finishes what was accepted.

    Example: `holotype serve desk.gallery`
    """
    try:
        from holotype.server.callers import Told
        from holotype.server.outlets import Telling
        from holotype.server.serving import Place, serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _PACKAGES:
            raise
        raise MissingExtraError(
            f"`holotype serve` needs {error.name}, which is not installed", install("server")
        ) from error
    if role_header is not None and user_header is None:
        raise ServingError("--role-header is given without a user", "Pass --user-header as well")
    place = Place(
        listen,
        port,
        tls_cert,
        tls_key,
        tuple(behind_proxy or ()),
        tuple(allow_host or ()),
        None if user_header is None else Told(user_header, role_header),
        calls_a_minute,
    )
    telling = Telling(
        keep_events,
        tuple(one.value for one in tell or ()),
        tuple(_named("webhook", one) for one in webhook or ()),
        mqtt,
        tuple(_named("camera", one) for one in camera or ()),
        fpir,
        keep_seen,
        inbox,
    )
    serve(gallery, place, _say, telling, model=model, keep_pictures=keep_pictures, new_key=new_key)


def _named(option: str, given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not (name and equals and value):
        raise ServingError(
            f"--{option} is {given!r}", f"Give it a name, as in `--{option} door={given or '...'}`"
        )
    return name, value


def _say(started: Started) -> None:
    # By itself on a line that is not folded: people and programs take it from there.
    typer.echo(started.address if started.key is None else f"{started.address}#key={started.key}")
    if started.key is not None:
        say("The key is shown this once; the address with it opens the page.", style="dim")
    for hook in started.hooks:
        typer.echo(f"webhook {hook.name}: {hook.secret}")
        say("The secret is shown this once; the receiver checks signatures with it.", style="dim")
    say("Ctrl-C ends the server.", style="dim")
    sys.stdout.flush()
