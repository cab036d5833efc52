"""Tables of the meta-learning family."""

from __future__ import annotations

from collections.abc import Callable

import tabling
from holotype.markdown import table as markdown


def sinusoid() -> str:
    rows = [
        (
            row["method"],
            str(row["k_shot"]),
            "" if row["steps"] is None else str(row["steps"]),
            f"{row['mse']:.3f} ± {row['ci95']:.3f}",
            f"{row['training_tasks']:,}",
        )
        for row in tabling.result("sinusoid")
    ]
    return markdown(("", "points", "inner steps", "mean squared error", "waves in training"), rows)


def strokes() -> str:
    found = {(row["following"], row["method"]): row for row in tabling.result("strokes")["rows"]}
    rows = [
        (
            name,
            *(
                f"{1000 * found[after, name]['mse']:.2f} ± {1000 * found[after, name]['ci95']:.2f}"
                for after in (False, True)
            ),
        )
        for after, name in found
        if after
    ]
    return markdown(("thousandths", "between", "next"), rows)


def meta() -> str:
    kinds = ("inductive", "inductive, float32", "transductive")
    columns = [(n, kind) for n in (5, 20) for kind in kinds]
    rows = [
        (
            f"{row['method']}, {row['recipe']}" + (f" after {row['from']}" if row["from"] else ""),
            f"{row['tasks']:,} x {row['n_way']}-way",
            f"{row['minutes']:.0f}",
            *(
                "{accuracy:.2f} ± {ci95:.2f}".format_map(row["accuracy"][f"{n} {kind}"])
                for n, kind in columns
            ),
        )
        for row in tabling.result("meta")
    ]
    head = [f"{n}-way, {kind}, %" for n, kind in columns]
    return markdown(("1-shot", "tasks seen", "minutes, one core", *head), rows)


def meta_curves() -> str:
    rows = [
        (
            row["name"],
            f"{row['accuracy']:.2f} ± {row['ci95']:.2f}",
            f"{row['minutes']:.0f}",
        )
        for row in tabling.result("meta_curves")["rows"]
        if row["name"] not in _STABILIZERS or row["name"] == "maml"
    ]
    return markdown(("", "20-way, validation classes, %", "minutes, one core"), rows)


_STABILIZERS = {
    "maml-one-rate": "one inner rate",
    "maml": "a learned rate for each layer and step",
    "maml-all-steps": "also the loss after every step",
    "maml-step-norms": "also scales and shifts of its own for each step",
}


def meta_stabilizers() -> str:
    found = tabling.result("meta_curves")["rows"]
    rows = [
        (
            what,
            f"{row['accuracy']:.2f} ± {row['ci95']:.2f}",
            "{points:+.2f} ± {ci95:.2f}".format_map(row["difference"])
            if "difference" in row
            else "",
            f"{row['minutes']:.0f}",
        )
        for name, what in _STABILIZERS.items()
        for row in found
        if row["name"] == name
    ]
    against = "points against the second row"
    return markdown(("", "20-way, validation classes, %", against, "minutes, one core"), rows)


def meta_exported() -> str:
    found = tabling.result("meta_curves")["exported"]
    rows = [
        (
            row["name"],
            f"{n_way}-way",
            "{accuracy:.2f} ± {ci95:.2f}".format_map(task["adapted"]),
            "{accuracy:.2f} ± {ci95:.2f}".format_map(task["embedding"]),
            "{points:+.2f} ± {ci95:.2f}".format_map(task["difference"]),
        )
        for row in found
        for n_way, task in row["tasks"].items()
    ]
    head = ("", "1-shot", "adapted, %", "its embedding by cosine, %", "what that changes, points")
    return markdown(head, rows)


def meta_speed() -> str:
    found = tabling.result("meta_speed")
    rows = [
        (
            f"{row['net']}, {row['steps']} inner step{'s' * (row['steps'] > 1)}",
            *(f"{row['rate'][name]:,.1f}" for name in ("holotype", "higher", "torchopt")),
            f"{row['ratio']:.2f}",
            f"{row['float64']:.0e}",
            f"{row['off']['holotype']:.0e}",
            f"{max(row['off']['higher'], row['off']['torchopt']):.0e}",
        )
        for row in found["rows"]
    ]
    apart = ("gradients apart, float64", "off it in float32, holotype", "off it in float32, peers")
    head = ("", "holotype", "higher", "torchopt", "times the faster peer", *apart)
    memory = f"Conv4-64, {found['tasks']} tasks, 5 inner steps: {found['memory_mb']:.0f} MB"
    return markdown(head, rows) + f"\n{memory} above import.\n"


TABLES: dict[str, Callable[[], str]] = {
    "sinusoid": sinusoid,
    "strokes": strokes,
    "meta": meta,
    "meta_curves": meta_curves,
    "meta_stabilizers": meta_stabilizers,
    "meta_exported": meta_exported,
    "meta_speed": meta_speed,
}
