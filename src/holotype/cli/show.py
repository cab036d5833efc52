"""The commands that make visible what a gallery holds, and what was learned."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from holotype.cli.command_group import Group
from holotype.cli.correct import noted_words
from holotype.cli.default_pack import GalleryPlace
from holotype.cli.display import AsJson, print_json, print_table, say
from holotype.cli.failures import training_extra
from holotype.gallery import ExampleRecord, IdentityRecord, existing, name_of
from holotype.pages import check_ending, write

_GALLERY = "gallery"


class _Shown(Group):
    """What is no command of this group is a gallery: `holotype show desk.gallery`."""

    otherwise = _GALLERY

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = [self.otherwise, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Shown,
    help="Look at the examples of a gallery (`holotype show GALLERY`), or at what was learned.",
)


@app.command(_GALLERY)
def show_gallery(
    gallery: GalleryPlace,
    label: Annotated[
        str | None, typer.Argument(metavar="[LABEL]", help="The name of one identity.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="PAGE",
            help="Write them as one page as well, with the pictures that are kept.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the examples of everybody, or of one: their ids, since when, and what is kept.

    Example: `holotype show desk.gallery Ada --report ada.html`
    """
    if report is not None:
        check_ending(report)
    with existing(gallery) as kept:
        examples = kept.examples(label)
        labels = {one.label for one in examples}
        identities = [one for one in kept.records() if one.label in labels]
        if report is not None:
            from holotype.report import enrolled_page  # only who asks for a page waits for it

            write(report, enrolled_page(kept, identities, examples, name_of(gallery)))
    if as_json:
        print_json([_document(one, examples) for one in identities])
        return
    if not examples:
        say("Nobody is enrolled.")
    else:
        print_table(
            ("example", "label", "since", "picture", "came from"),
            [
                (
                    str(one.id),
                    one.label,
                    one.created.astimezone().date().isoformat(),
                    "kept" if one.picture else "",
                    _origin(one),
                )
                for one in examples
            ],
            numbers=("example",),
        )
    for identity in identities:
        for sentence in noted_words(identity):
            say(sentence)
    if report is not None:
        say(f"Written: {os.fspath(report)}")


def _origin(one: ExampleRecord) -> str:
    if one.description is not None:
        return f'the text "{one.description}"'
    return "enroll" if one.decision is None else f"feedback {one.decision}"


def _document(one: IdentityRecord, examples: Sequence[ExampleRecord]) -> dict[str, Any]:
    return {
        "label": one.label,
        "since": one.created,
        "consent": one.consent,
        "retain_until": one.retain_until,
        "tags": one.tags,
        "metadata": dict(one.metadata),
        "quiet": one.quiet,
        "examples": [
            {
                "id": e.id,
                "since": e.created,
                "picture": e.picture,
                "decision": e.decision,
                "description": e.description,
            }
            for e in examples
            if e.label == one.label
        ],
    }


@app.command("memory")
def show_memory(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run of ntm or mann.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="The picture to write.", show_default="RUN/memory.png"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Which sequence is shown.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Draw the memory at work: where it writes and reads, step by step.

    Example: `holotype show memory runs/copy`
    """
    picture = out or run / "memory.png"
    with training_extra("show"):
        from holotype.train.methods.memory.picture import draw

        draw(run, picture, seed)
    if as_json:
        print_json({"picture": os.fspath(picture)})
    else:
        say(f"The picture is {os.fspath(picture)}")
