"""The commands about model packs."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from holotype.cli import pack_build
from holotype.cli.command_group import Group
from holotype.cli.display import AsJson, Cell, print_json, print_table, say
from holotype.domains.registry import domain_of
from holotype.pack import KnownPack, Pack, known_packs, load_pack
from holotype.pack.card import card_document, rate_with_interval

app = typer.Typer(cls=Group, help="Look at model packs, make, check and share them.")
for _command in (
    pack_build.build,
    pack_build.adapt,
    pack_build.describe,
    pack_build.verify,
    pack_build.push,
    pack_build.pull,
):
    app.command()(_command)


@app.command("list")
def list_packs(as_json: AsJson = False) -> None:
    """Show the packs that can be used by name.

    Example: `holotype pack list`
    """
    known = known_packs()
    if as_json:
        facts = {one.name: _summary(one.pack) for one in known if one.pack is not None}
        nothing = dict.fromkeys(next(iter(facts.values())))
        print_json(
            [
                {**nothing, "name": one.name, **facts.get(one.name, {}), "ready": not one.remedy}
                for one in known
            ]
        )
        return
    print_table(
        ("name", "reads", "ready", "size"),
        [(one.name, one.reads, _ready(one), _size(one.pack) if one.pack else "") for one in known],
        numbers=("size",),
    )
    for one in known:
        if one.remedy:
            say(f"{one.name}: {one.remedy}.")
    say("Use one with `--model NAME`, one of your own with `--model ./FOLDER`.")


@app.command("show")
def show_pack(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="Name or folder of the pack.")],
    as_json: AsJson = False,
) -> None:
    """Show the card of a pack: what it was trained on, and how well it does.

    Example: `holotype pack show characters`
    """
    loaded = load_pack(pack)
    if as_json:
        print_json({"path": os.fspath(loaded.path), **card_document(loaded.card)})
        return
    print_table(("fact", "value"), _facts(loaded), title=loaded.card.name)
    if loaded.card.scores:
        print_table(
            ("data", "protocol", "task", "episodes", "accuracy, %", "date"),
            [
                (
                    str(score.get("data", "")),
                    str(score["protocol"]),
                    f"{score['n_way']}-way {score['k_shot']}-shot",
                    f"{score['episodes']:,}",
                    f"{score['accuracy']:.2f} +- {score['ci95']:.2f}",
                    str(score.get("date", "")),
                )
                for score in loaded.card.scores
            ],
            numbers=("episodes", "accuracy, %"),
            title="Scores",
        )
    if loaded.card.promise:
        print_table(
            ("enrolled", "examples", "stated FPIR, %", "measured FPIR, %", "FNIR, %"),
            [
                (
                    str(row["enrolled"]),
                    str(row["examples"]),
                    f"{100 * row['stated_fpir']:g}",
                    rate_with_interval(row.get("fpir")) or "refused",
                    rate_with_interval(row.get("fnir")),
                )
                for row in loaded.card.promise
            ],
            numbers=("enrolled", "examples", "stated FPIR, %"),
            title="Strangers: stated and measured, with 95 % intervals",
        )


def _facts(pack: Pack) -> list[tuple[Cell, Cell]]:
    card = pack.card
    facts: dict[str, Any] = {
        "path": os.fspath(pack.path),
        "model id": card.model_id,
        "size": _size(pack),
        "dimensions": card.embedding_dim,
        "input": domain_of(card.preprocessing).in_words(card.preprocessing),
        "license": card.license,
    }
    for part in ("background", "cohort", "training"):
        for name, value in getattr(card, part).items():
            facts[f"{part}: {name.replace('_', ' ')}"] = value
    for name, value in card.encoder.items():  # what was assumed is shown whole
        facts[f"encoder: {name}"] = "; ".join(value) if isinstance(value, list) else value
    return [((name, "bold"), _value(value)) for name, value in facts.items()]


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        few = ", ".join(str(item) for item in value[:3])
        return f"{len(value)}: {few}" + (", ..." if len(value) > 3 else "")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _summary(pack: Pack) -> dict[str, Any]:
    card = pack.card
    return {
        "name": card.name,
        "model_id": card.model_id,
        "embedding_dim": card.embedding_dim,
        "size_bytes": _size_bytes(pack),
        "license": card.license,
        "path": os.fspath(pack.path),
    }


def _ready(one: KnownPack) -> str:
    if one.remedy:
        return "extra missing"
    return "yes" if one.pack else "at first use"


def _size(pack: Pack) -> str:
    return f"{_size_bytes(pack) / 1e6:.1f} MB"


def _size_bytes(pack: Pack) -> int:
    return sum(file.stat().st_size for file in pack.path.iterdir() if file.is_file())
