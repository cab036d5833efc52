"""The commands by name, and what happens around each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal

import typer

from holotype.cli import (
    calibrate,
    compare,
    correct,
    data,
    demo,
    enroll,
    evaluate,
    exchange,
    forget,
    identify,
    imagine,
    lint,
    list_labels,
    maintain,
    packs,
    serve,
    show,
    status,
    train,
    verification,
    watch,
)
from holotype.cli.command_group import Group
from holotype.cli.failures import provide_streams, reported


class _Made(Mapping[str, Any]):
    """The commands by name, each made when it is asked for, once.

    Typer makes all before it runs one, which takes longer than many of them run.
    """

    def __getitem__(self, name: str) -> Any:
        if name not in _PANEL_OF:
            raise KeyError(name)
        return _made(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_PANEL_OF)

    def __len__(self) -> int:
        return len(_PANEL_OF)


@cache
def _made(name: str) -> Any:
    panel = _PANEL_OF[name]
    command, alone = _PANELS[panel][name], typer.Typer(rich_markup_mode=_MARKUP)
    if isinstance(command, typer.Typer):
        alone.add_typer(command, name=name, rich_help_panel=panel)
    else:
        alone.command(name, rich_help_panel=panel)(command)
    return typer.main.get_group(alone).commands[name]


class _Commands(Group):
    """Runs every command with its errors explained."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = _Made()

    def invoke(self, ctx: Any) -> Any:
        with reported():
            return super().invoke(ctx)


_MARKUP: Literal["markdown"] = "markdown"
app = typer.Typer(
    cls=_Commands,
    name="holotype",
    help="One example defines a class, and from then on the class is recognized.",
    epilog="Start with `holotype demo`. Exit codes: docs/exit-codes.md.",
    rich_markup_mode=_MARKUP,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(asked: bool) -> None:
    if asked:
        import holotype

        typer.echo(f"holotype {holotype.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Show the version."),
    ] = False,
    providers: Annotated[
        str | None,
        typer.Option(
            metavar="cpu|cuda|openvino|coreml|directml[,...]",
            help="Which processors run models.",
            envvar="HOLOTYPE_PROVIDERS",
            show_default="cpu",
        ),
    ] = None,
) -> None:
    """What stands before any command."""
    if providers is not None:
        os.environ["HOLOTYPE_PROVIDERS"] = providers


_PANELS: dict[str, dict[str, Callable[..., None] | typer.Typer]] = {
    "See it": {"demo": demo.demo, "imagine": imagine.imagine},
    "Recognize": {
        "enroll": enroll.enroll,
        "identify": identify.identify,
        "verify": verification.verify,
        "same": verification.same,
        "watch": watch.watch,
        "forget": forget.forget,
        "list": list_labels.list_labels,
        "status": status.status,
        "lint": lint.lint,
        "calibrate": calibrate.calibrate,
        "feedback": calibrate.feedback,
        "review": calibrate.review,
        "pack": packs.app,
    },
    "Correct a gallery": {
        "rename": correct.rename,
        "merge": correct.merge,
        "move": correct.move,
        "tag": correct.tag,
        "undo": correct.undo,
    },
    "Serve": {"serve": serve.serve},
    "Keep a gallery": {
        "audit": maintain.audit,
        "check": maintain.check,
        "reindex": maintain.make_index,
        "backup": maintain.backup,
        "restore": maintain.restore,
        "import": exchange.take_in,
        "expire": maintain.expire,
        "reembed": maintain.reembed,
    },
    "Learn and measure": {
        "train": train.train,
        "export": exchange.export,
        "copy": exchange.copy_gallery,
        "evaluate": evaluate.evaluate,
        "compare": compare.compare,
        "methods": train.methods,
        "show": show.app,
        "data": data.app,
    },
}
_PANEL_OF = {name: panel for panel, commands in _PANELS.items() for name in commands}


def main() -> None:
    """Entry point of the `holotype` command."""
    provide_streams()
    app(prog_name="holotype")
