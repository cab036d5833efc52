"""The commands about model packs."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from holotype.cli import pack_build
from holotype.cli.command_group import Group
from holotype.cli.display import AsJson, Cell, print_json, print_table, say
from holotype.domains.registry import of_pack
from holotype.pack import Pack, load_pack, made_packs, shipped_packs
from holotype.pack.card import card_document, rate_with_interval
from holotype.pack.preprocessing import in_words

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
    made = made_packs()
    packs = [load_pack(name) for name in (*shipped_packs(), *filter(made.get, made))]
    names = (*shipped_packs(), *made)
    remedies = {name: of_pack(name).remedy(name, made.get(name, True)) for name in names}
    ready = {}
    for name in names:
        there = "yes" if made.get(name, True) else "at first use"
        ready[name] = "extra missing" if remedies[name] else there
    if as_json:
        known = {pack.card.name: _summary(pack) for pack in packs}
        nothing = dict.fromkeys(next(iter(known.values())))
        print_json(
            [
                {**nothing, "name": name, **known.get(name, {}), "ready": of_it != "extra missing"}
                for name, of_it in ready.items()
            ]
        )
        return
    size = {pack.card.name: f"{_size_bytes(pack) / 1e6:.1f} MB" for pack in packs}
    print_table(
        ("name", "reads", "ready", "size"),
        [(name, of_pack(name).packs[name], ready[name], size.get(name, "")) for name in ready],
        numbers=("size",),
    )
    for name, remedy in remedies.items():
        if remedy:
            say(f"{name}: {remedy}.")
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
        "size": f"{_size_bytes(pack) / 1e6:.1f} MB",
        "dimensions": card.embedding_dim,
        "input": in_words(card.preprocessing),
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


def _size_bytes(pack: Pack) -> int:
    return sum(file.stat().st_size for file in pack.path.iterdir() if file.is_file())
