"""The commands of whoever answers for a gallery: look after it, prove it, let it go in time."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from holotype.cli.display import AsJson, print_json, print_table, say
from holotype.gallery import SqliteGallery
from holotype.gallery import restore as from_backup

_Gallery = Annotated[Path, typer.Argument(metavar="GALLERY", help="The file of the gallery.")]
DAMAGED = 1


def audit(
    gallery: _Gallery,
    noted: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="A head that was noted earlier: is it still there?"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show who did what and when, and whether a line was removed or edited (exit code 1).

    Example: `holotype audit desk.gallery`
    """
    with SqliteGallery.existing(gallery) as kept:
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
        say(f"Head: {report.head} (noted elsewhere, it proves later that no line before it fell)")
    if not report.intact:
        raise typer.Exit(DAMAGED)


def check(gallery: _Gallery, as_json: AsJson = False) -> None:
    """Look at every page, vector and audit line of a gallery; exit code 1 where one is damaged.

    Example: `holotype check desk.gallery`
    """
    with SqliteGallery.existing(gallery) as kept:
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


def backup(
    gallery: _Gallery,
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The copy; it must not exist.")],
    as_json: AsJson = False,
) -> None:
    """Copy a gallery at one moment, while others may go on using it.

    Example: `holotype backup desk.gallery desk-monday.gallery`
    """
    with SqliteGallery.existing(gallery) as kept:
        kept.backup(out)
    if as_json:
        print_json({"backup": os.fspath(out)})
    else:
        say(f"Copied to {os.fspath(out)}. Whoever is forgotten from now on stays in this copy.")


def restore(
    copy: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    gallery: Annotated[Path, typer.Argument(metavar="GALLERY", help="It must not exist.")],
    as_json: AsJson = False,
) -> None:
    """Make a gallery from a backup, after checking all of it.

    Example: `holotype restore desk-monday.gallery desk.gallery`
    """
    from_backup(copy, gallery)
    if as_json:
        print_json({"gallery": os.fspath(gallery)})
    else:
        say(f"Restored to {os.fspath(gallery)}, with whoever was forgotten after the backup.")


def expire(gallery: _Gallery, as_json: AsJson = False) -> None:
    """Erase every identity whose retention date has passed.

    Example: `holotype expire desk.gallery`
    """
    with SqliteGallery.existing(gallery) as kept:
        receipts = kept.expire(datetime.now(UTC).date())
    if as_json:
        print_json([asdict(receipt) for receipt in receipts])
    else:
        say(f"{len(receipts)} {'identity' if len(receipts) == 1 else 'identities'} erased.")
