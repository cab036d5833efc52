"""The commands that put a gallery right: what they will do is said first, and can be undone."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import typer

from holotype.cli.default_pack import GalleryPlace
from holotype.cli.display import AsJson, can_ask, confirmed, print_json, say
from holotype.gallery import Correction, IdentityRecord, Undo, existing

_Label = Annotated[str, typer.Argument(metavar="LABEL", help="The name of the identity.")]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
]
_Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


def rename(
    gallery: GalleryPlace,
    label: _Label,
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name, which nobody has.")],
    dry_run: _DryRun = False,
    yes: _Yes = False,
    as_json: AsJson = False,
) -> None:
    """Give an identity another name. At a terminal it asks first; `undo` takes it back.

    Example: `holotype rename desk.gallery Ada "Ada Lovelace"`
    """
    with existing(gallery) as kept:
        _correct(partial(kept.rename, label, new), dry_run, yes, as_json)


def merge(
    gallery: GalleryPlace,
    label: Annotated[str, typer.Argument(metavar="LABEL", help="Who is enrolled twice.")],
    into: Annotated[str, typer.Argument(metavar="INTO", help="The name that stays.")],
    dry_run: _DryRun = False,
    yes: _Yes = False,
    as_json: AsJson = False,
) -> None:
    """Make one of two identities that are the same. At a terminal it asks first.

    The tags are of both then, and the earlier last day holds. `undo` takes it back.

    Example: `holotype merge desk.gallery "A. Lovelace" Ada`
    """
    with existing(gallery) as kept:
        _correct(partial(kept.merge, label, into), dry_run, yes, as_json)


def move(
    gallery: GalleryPlace,
    example: Annotated[int, typer.Argument(metavar="EXAMPLE", help="Its id, as `show` has it.")],
    label: Annotated[str, typer.Argument(metavar="LABEL", help="Whose it is; may be new.")],
    dry_run: _DryRun = False,
    yes: _Yes = False,
    as_json: AsJson = False,
) -> None:
    """Give one example to the identity that it shows. At a terminal it asks first.

    `undo` takes it back.

    Example: `holotype move desk.gallery 17 Ada`
    """
    with existing(gallery) as kept:
        _correct(partial(kept.move, example, label), dry_run, yes, as_json)


def undo(
    gallery: GalleryPlace,
    dry_run: _DryRun = False,
    yes: _Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take the last change back that is no erasure; again, and the one before it goes.

    It says first what it takes back, and asks; without a terminal, `--yes` or `--dry-run` says
    what to do, since an undo cannot be undone.

    Example: `holotype undo desk.gallery`
    """
    if not (yes or dry_run) and (as_json or not can_ask()):
        raise typer.BadParameter("Not a terminal: pass --yes or --dry-run")
    with existing(gallery) as kept:
        plan = kept.last_change()
        if not as_json:
            for sentence in undo_words(plan):
                say(sentence)
        done = not dry_run and (yes or confirmed("Undo it?"))
        if done:
            plan = kept.undo(expected=plan)
    _end(asdict(plan), done, as_json, "Undone.")
    if plan.pending and not as_json:
        say("What is erased is still in the file; it goes when it is next opened.", "yellow")


def tag(
    gallery: GalleryPlace,
    label: _Label,
    tags: Annotated[
        list[str] | None, typer.Argument(metavar="[TAG]...", help="Words to add.")
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="A tag to take away; repeatable.")
    ] = None,
    metadata: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="An object in place of the one that is noted, or {}."),
    ] = None,
    quiet: Annotated[
        bool | None,
        typer.Option(
            "--quiet/--announce", help="It is known, and not to be announced; or is, as before."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Note tags beside an identity, or a JSON object; or that it is known and not announced.

    `identify --tag` compares with those alone who have a tag. Who is quiet is recognized as before
    and answered "match, quiet"; `watch` says nothing of it. `undo` takes the change back.

    Example: `holotype tag desk.gallery Ada staff --metadata '{"room": 4}'`
    """
    if not (tags or remove) and metadata is None and quiet is None:
        raise typer.BadParameter("Give tags, --remove, --metadata, --quiet or --announce")
    noted: Any = metadata
    with suppress(ValueError, RecursionError, TypeError):  # whoever stores it says what it is
        noted = json.loads(noted) or ({} if noted.strip() == "{}" else noted)
    with existing(gallery) as kept:
        kept.describe(label, add=tags or (), remove=remove or (), metadata=noted, quiet=quiet)
        (examples, *_) = kept.examples(label)
        (one,) = (record for record in kept.records() if record.label == examples.label)
    if as_json:
        print_json(
            {
                "label": one.label,
                "tags": one.tags,
                "metadata": dict(one.metadata),
                "quiet": one.quiet,
            }
        )
    else:
        for sentence in noted_words(one) or [f"{one.label}: nothing noted."]:
            say(sentence)


def noted_words(one: IdentityRecord) -> list[str]:
    """What is noted beside an identity, in sentences."""
    found = []
    if one.tags:
        found.append(f"{one.label}: tagged {', '.join(one.tags)}.")
    if one.metadata:
        found.append(f"{one.label}: {json.dumps(dict(one.metadata), ensure_ascii=False)}")
    if one.quiet:
        found.append(f"{one.label}: known, and not announced.")
    return found


def _correct(change: Callable[..., Correction], dry_run: bool, yes: bool, as_json: bool) -> None:
    plan = change(dry_run=True)
    if not as_json:
        for sentence in correction_words(plan):
            say(sentence)
    asking = can_ask() and not (yes or as_json)
    done = not dry_run and (not asking or confirmed("Do it?"))
    if done:
        change(expected=plan)
    _end(asdict(plan), done, as_json, "Done; `holotype undo` takes it back.")


def _end(document: dict[str, object], done: bool, as_json: bool, words: str) -> None:
    if as_json:
        print_json({**document, "done": done})
    else:
        say(words if done else "Nothing was changed.")


def correction_words(plan: Correction) -> list[str]:
    """What a correction does, in sentences."""
    count = _examples(plan.examples)
    go = "goes" if plan.examples == 1 else "go"
    match plan.action:
        case "rename":
            found = [f"{plan.label}, with {count}, is called {plan.to} then."]
        case "merge":
            found = [f"{plan.label} is {plan.to}: {count} of {plan.label} {go} to {plan.to}."]
        case _:
            found = [f"{count} of {plan.label} {go} to {plan.to}."]
    if plan.action != "rename":
        new = ", who is new," if plan.new else ""
        found.append(f"{plan.to}{new} has {_examples(plan.total)} then.")
        found.append(
            f"{plan.label} keeps {_examples(plan.left)}."
            if plan.left
            else f"{plan.label} is no longer enrolled."
        )
    if plan.retain_until is not None and plan.action != "rename":
        found.append(f"{plan.to} may be kept until {plan.retain_until} then.")
    return found


def undo_words(plan: Undo) -> list[str]:
    """What an undo does, in sentences."""
    when = plan.at.astimezone().strftime("%Y-%m-%d %H:%M")
    found = [f"Takes back: {plan.action} by {plan.actor}, {when}, line {plan.line} of the audit."]
    found += [f"{now} is called {then} again." for now, then in plan.renamed]
    found += [f"{label} is enrolled again." for label in plan.back]
    found += [f"{then} gets {_examples(n)} back from {now}." for now, then, n in plan.moved]
    found += [f"{label} loses {_examples(n)}, erased." for label, n in plan.erased]
    found += [f"{label} is no longer enrolled." for label in plan.gone]
    found += [
        f"Tags, metadata, consent and last day of {label} are as before."
        for label in plan.described
    ]
    if plan.strangers:
        found.append(f"{plan.strangers} vectors of own strangers are erased.")
    if plan.reviews:
        found.append("The review counts no more.")
    if plan.keep_pictures is not None:
        found.append(f"Pictures are {'kept' if plan.keep_pictures else 'not kept'} from then on.")
    if plan.final:
        named = ", ".join(f"{line.action} (line {line.sequence})" for line in plan.final)
        found.append(
            f"Done since, and cannot be undone: {named}. An erasure is final, and so is what was "
            "done before it to whom it concerns."
        )
    return found


def _examples(count: int) -> str:
    return f"{count} example" + ("" if count == 1 else "s")
