"""The commands of whoever answers for a gallery: look after it, prove it, let it go in time."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from holotype import recognizer
from holotype.cli.default_pack import GalleryPlace
from holotype.cli.display import AsJson, print_json, print_table, say
from holotype.cli.progress import bars
from holotype.gallery import called, existing, reindex
from holotype.gallery import restore as from_backup

DAMAGED = 1


def audit(
    gallery: GalleryPlace,
    noted: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="A head that was noted earlier: is it still there?"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show who did what and when, and whether a line was removed or edited (exit code 1).

    Example: `holotype audit desk.gallery`
    """
    with existing(gallery) as kept:
        entries, report = kept.audit(), kept.verify_audit(noted)
    if as_json:
        print_json(
            {
                "intact": report.intact,
                "head": report.head,
                "problems": [asdict(finding) for finding in report.problems],
                "notes": [asdict(finding) for finding in report.notes],
                "entries": [asdict(entry) for entry in entries],
            }
        )
    else:
        print_table(
            ("line", "when", "who", "what", "identity"),
            [
                (
                    str(e.sequence),
                    e.at.isoformat(timespec="seconds"),
                    e.actor,
                    e.action,
                    e.identity or "",
                )
                for e in entries
            ],
            numbers=("line",),
        )
        for finding in (*report.problems, *report.notes):
            say(f"line {finding.sequence}: {finding.text}")
        say(f"{'Intact' if report.intact else 'NOT INTACT'}, {report.entries} lines.")
        say(
            f"Head: {report.head} (store it elsewhere; --noted HASH later proves that no earlier "
            "line was removed)"
        )
    if not report.intact:
        raise typer.Exit(DAMAGED)


def check(gallery: GalleryPlace, as_json: AsJson = False) -> None:
    """Look at every page, vector and audit line of a gallery; exit code 1 where one is damaged.

    Example: `holotype check desk.gallery`
    """
    with existing(gallery) as kept:
        found = kept.check()
    if as_json:
        print_json({"sound": found.sound, "problems": list(found.problems)})
    elif found.sound:
        say("Sound.")
    else:
        for problem in found.problems:
            say(problem)
    if not found.sound:
        raise typer.Exit(DAMAGED)


def make_index(gallery: GalleryPlace, as_json: AsJson = False) -> None:
    """Make the index of a gallery anew; what it has kept of who is forgotten goes with the old one.

    Example: `holotype reindex "milvus://db.example/desk?truth=desk.gallery"`
    """
    count = reindex(gallery)
    if as_json:
        print_json({"identities": count})
    else:
        say(f"{count} enrolled are in the index.")


def backup(
    gallery: GalleryPlace,
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The copy; it must not exist.")],
    as_json: AsJson = False,
) -> None:
    """Copy a gallery at one moment, while others may go on using it.

    Example: `holotype backup desk.gallery desk-monday.gallery`
    """
    with existing(gallery) as kept:
        kept.backup(out)
    if as_json:
        print_json({"backup": os.fspath(out)})
    else:
        say(f"Copied to {os.fspath(out)}. Whoever is forgotten from now on stays in this copy.")


def restore(
    copy: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    gallery: Annotated[
        str, typer.Argument(metavar="GALLERY", help="Where there is none, or the one to replace.")
    ],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Write over the gallery there, also while it is in use."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a gallery from a backup, after checking all of it.

    Example: `holotype restore desk-monday.gallery desk.gallery`
    """
    from_backup(copy, gallery, replace=replace)
    if as_json:
        print_json({"gallery": called(gallery)})
    else:
        say(f"Restored to {called(gallery)}, with whoever was forgotten after the backup.")


def expire(gallery: GalleryPlace, as_json: AsJson = False) -> None:
    """Erase every identity whose retention date has passed; a day ends at this machine's midnight.

    Example: `holotype expire desk.gallery`
    """
    with existing(gallery) as kept:
        receipts = kept.expire(date.today())
    if as_json:
        print_json([asdict(receipt) for receipt in receipts])
    else:
        say(f"{len(receipts)} {'identity' if len(receipts) == 1 else 'identities'} erased.")


def reembed(
    gallery: GalleryPlace,
    model: Annotated[str, typer.Option(help="Name or folder of the new model pack.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Move a gallery to another model, from the pictures that it keeps: all of it or nothing.

    If interrupted, run it again to continue. Calibration pictures must be given again.

    Example: `holotype reembed desk.gallery --model packs/mine --dry-run`
    """
    with bars() as report:
        move = recognizer.reembed(
            gallery,
            model,
            dry_run=dry_run,
            progress=partial(report, "embedding"),
        )
    if as_json:
        print_json(asdict(move))
        return
    say(f"From model {move.from_model} to {move.to_model}.")
    examples = f"{move.examples} example{'' if move.examples == 1 else 's'}"
    say(
        f"{examples} {'embedded anew' if move.done else 'to embed anew'}"
        + (f", {move.ready} of them done before" if move.ready else "")
        + "."
    )
    if move.without_pictures:
        count = sum(move.without_pictures.values())
        say(f"{count} examples have no picture and cannot move; forget or enroll anew:", "yellow")
        for label, count in move.without_pictures.items():
            say(f"  {label}: {count}")
    if move.strangers:
        verb = "were" if move.done else "would be"
        say(f"{move.strangers} pictures of own strangers {verb} dropped; give them anew.")
    if move.pending:
        say("The old vectors are still in the file; they go when it is next opened.", "yellow")
    if not move.done:
        say("Nothing was changed.")
