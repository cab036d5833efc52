"""The commands by name, and what happens around each of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated, Any

import typer

from holotype.cli import (
    comparing,
    correcting,
    data,
    demonstration,
    evaluation,
    exchanging,
    imagining,
    keeping,
    learning,
    linting,
    packs,
    recognition,
    serving,
    show,
    standing,
    trusting,
    watching,
)
from holotype.cli.failures import provide_streams, reported
from holotype.cli.groups import Group


class _Commands(Group):
    """Runs every command with its errors explained."""

    def invoke(self, ctx: Any) -> Any:
        with reported():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Commands,
    name="holotype",
    help="One example defines a class, and from then on the class is recognized.",
    epilog="Start with `holotype demo`. Exit codes: docs/exit-codes.md.",
    rich_markup_mode="markdown",
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
    "See it": {"demo": demonstration.demo, "imagine": imagining.imagine},
    "Recognize": {
        "enroll": recognition.enroll,
        "identify": recognition.identify,
        "verify": recognition.verify,
        "same": recognition.same,
        "watch": watching.watch,
        "forget": recognition.forget,
        "list": recognition.list_labels,
        "status": standing.status,
        "lint": linting.lint,
        "calibrate": trusting.calibrate,
        "feedback": trusting.feedback,
        "review": trusting.review,
        "pack": packs.app,
    },
    "Correct a gallery": {
        "rename": correcting.rename,
        "merge": correcting.merge,
        "move": correcting.move,
        "tag": correcting.tag,
        "undo": correcting.undo,
    },
    "Serve": {"serve": serving.serve},
    "Keep a gallery": {
        "audit": keeping.audit,
        "check": keeping.check,
        "backup": keeping.backup,
        "restore": keeping.restore,
        "import": exchanging.take_in,
        "expire": keeping.expire,
        "reembed": keeping.reembed,
    },
    "Learn and measure": {
        "train": learning.train,
        "export": exchanging.export,
        "copy": exchanging.copy_gallery,
        "evaluate": evaluation.evaluate,
        "compare": comparing.compare,
        "methods": learning.methods,
        "show": show.app,
        "data": data.app,
    },
}
for _panel, _commands in _PANELS.items():
    for _name, _command in _commands.items():
        if isinstance(_command, typer.Typer):
            app.add_typer(_command, name=_name, rich_help_panel=_panel)
        else:
            app.command(_name, rich_help_panel=_panel)(_command)


def main() -> None:
    """Entry point of the `holotype` command."""
    provide_streams()
    app(prog_name="holotype")
