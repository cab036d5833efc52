"""Tables of the metric, memory and generative families, and of what they are compared with."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import tabling
from holotype.markdown import table as markdown
from tabling import percent


def ntm() -> str:
    found = tabling.result("ntm")
    rows = [
        (
            f"{run['task']}, {run['method']}"
            + (f" ({run['recipe']})" if run["method"] == "ntm" else ""),
            str(run["seed"]),
            f"{run['parameters']:,}",
            f"{run['training_sequences']:,}",
            ", ".join(
                f"{bits:.3g} at {at}" + f" ({lost} lost)" * (0 < lost < found["sequences"])
                for (at, bits), lost in zip(run["bits"].items(), run["lost"].values(), strict=True)
            )
            + (f"; the best possible {run['best_bits']:.1f}" if "best_bits" in run else ""),
            f"{run['minutes']:.0f}",
        )
        for run in found["runs"]
    ]
    head = ("task, learner", "seed", "parameters", "sequences seen", "bits per sequence", "minutes")
    return markdown(head, rows)


def ntm_step() -> str:
    step = tabling.result("ntm_step")
    cells = (f"{step['ours_ms']:.1f}", f"{step['plain_ms']:.1f}", f"**{step['ratio']:.2f}**")
    head = ("ms a step", "plainly written", "ratio (median of neighboring steps)")
    return markdown(head, [cells])


def mann() -> str:
    shown = (1, 2, 3, 5, 10)

    # Santoro et al. 2016, table 1; from memory but for what is marked as checked.
    published: list[tuple[str, ...]] = [
        ("MANN, as published (2nd, 5th checked)", "36.4", "82.8", "91.0", "94.9", "98.1", ""),
        ("people, as published (from memory)", "34.5", "57.3", "70.1", "81.4", "92.4", ""),
    ]
    rows = [
        (
            run["recipe"],
            *(
                f"{run['accuracy'][k - 1]:.1f} ± {run['ci95'][k - 1]:.1f}"
                if k <= len(run["accuracy"])
                else ""
                for k in shown
            ),
            f"{run['minutes']:.0f}",
        )
        for run in tabling.result("mann")["runs"]
    ] + published
    return markdown(("", *(f"{k}." for k in shown), "minutes"), rows)


def intents() -> str:
    found = tabling.result("intents")["accuracy"]
    sources = {row["data"]: None for row in found}  # in their order
    rows = []
    for model in {row["model"]: None for row in found}:
        cells = {row["data"]: row for row in found if row["model"] == model}
        rows.append(
            (model, *(f"{cells[s]['accuracy']:.1f} ± {cells[s]['ci95']:.1f}" for s in sources))
        )
    return markdown(("accuracy, %", *sources), rows)


def rejection() -> str:
    columns = {
        "out_of_scope_accepted": "out of scope accepted, %",
        "other_intents_accepted": "other intents accepted, %",
        "enrolled_missed": "enrolled missed, %",
    }
    rows = [
        (row["model"], *(percent(row[column]) for column in columns))
        for row in tabling.result("intents")["rejection"]
    ]
    return markdown(("at a stated 10 %", *columns.values()), rows)


def stream() -> str:
    found = tabling.result("stream")["contenders"]
    shown = (2, 5, 10, 20)
    rows = [
        (
            row["name"],
            percent(row["new_as_new"]),
            percent(row["strangers_let_in"]),
            *(f"{100 * row['right_at_instance'][k - 1]['value']:.1f}" for k in shown),
            f"{100 * row['right_at_the_same_rate'][shown[-1] - 1]['value']:.1f}",
            f"{row['kept']:,} ({row['kept_bytes'] / 1e6:.1f} MB)",
            f"{row['median_ms']['recognize']:.1f} + {row['median_ms']['learn']:.1f}",
        )
        for row in found
    ]
    head = (
        "",
        "new recognized as new, %",
        "strangers let in, %",
        *(f"right at the {k}{'nd' if k == 2 else 'th'}, %" for k in shown),
        f"right at the {shown[-1]}th at the Recognizer's rate, %",
        "kept",
        "processor ms to recognize + learn",
    )
    picture = "![The stream](stream.png)\n\n" if found else ""
    return picture + markdown(head, rows)


def comparison() -> str:
    found = tabling.result("comparison")
    tasks = [f"{c['n_way']}-way {c['k_shot']}-shot" for c in found["rows"][0]["cells"]]
    rows = [
        (
            row["name"] + (" (transductive)" if row["transductive"] else ""),
            f"{row['steps']:,}" if row["steps"] else "",
            *(_measured_and_published(cell) for cell in row["cells"]),
        )
        for row in found["rows"]
    ]
    return markdown(("method", "steps", *(f"{task}, %" for task in tasks)), rows)


def _measured_and_published(cell: Any) -> str:
    own = f"{cell['accuracy']['value']:.2f} ± {cell['accuracy']['ci95']:.2f}"
    paper = cell["published"]
    return f"{own} ({paper['accuracy']:g} [{paper['read']}])" if paper else own


def comparison_seeds() -> str:
    found = tabling.result("comparison_seeds")
    tasks = [f"{c['n_way']}-way {c['k_shot']}-shot" for c in found["rows"][0]["cells"]]
    by_method: dict[str, list[Any]] = {}
    for row in found["rows"]:
        by_method.setdefault(f"{row['method']}-{row['recipe']}", []).append(row)
    rows = [
        (
            name,
            f"{runs[0]['steps']:,}",
            str(len(runs)),
            *(_over_seeds([run["cells"][at] for run in runs]) for at in range(len(tasks))),
            f"{statistics.mean(run['training_minutes'] for run in runs):.1f}",
        )
        for name, runs in by_method.items()
    ]
    head = ("method", "steps", "seeds", *(f"{task}, %" for task in tasks), "training, min")
    return markdown(head, rows)


def _over_seeds(cells: list[Any]) -> str:
    """The mean and the standard deviation over seeds; of one seed, with the episodes' interval."""
    if len(cells) == 1:
        return _measured_and_published(cells[0])
    reached = [cell["accuracy"]["value"] for cell in cells]
    own = f"{statistics.mean(reached):.2f} (s.d. {statistics.stdev(reached):.2f})"
    paper = cells[0]["published"]
    return f"{own} ({paper['accuracy']:g} [{paper['read']}])" if paper else own


def comparison_cost() -> str:
    rows = [
        (
            row["name"],
            *("" if value is None else f"{value:,}" for value in
              (row["parameters"], row["training_minutes"], row["seed"])),
            " / ".join(f"{cell['ms_per_query']:.2g}" for cell in row["cells"]),
        )
        for row in tabling.result("comparison")["rows"]
    ]  # fmt: skip
    return markdown(("method", "parameters", "training, min", "seed", "ms per query"), rows)


_CONTENDERS = {
    "pack": "one-shot: the pack `characters`",
    "scratch": "a network trained from scratch",
    "pixels": "logistic regression on pixels",
    "embedding": "logistic regression on the pack's embedding",
}


def _why(data: str) -> str:
    rows = [row for row in tabling.result("why_one_shot")["rows"] if row["data"] == data]
    shots = sorted({row["shots"] for row in rows})
    cells = {(row["contender"], row["shots"]): row["accuracy"] for row in rows}
    return markdown(
        ("accuracy, %", *(f"{k} per class" for k in shots)),
        [
            (name, *(f"{cells[key, k]['value']:.1f} ± {cells[key, k]['ci95']:.1f}" for k in shots))
            for key, name in _CONTENDERS.items()
        ],
    )


def one_more_class() -> str:
    rows = [
        (
            _CONTENDERS[row["contender"]],
            str(row["examples"] or "not with 15"),
            f"{row['seconds']:.2g}",
            f"{row['retrained_on']:,}",
        )
        for row in tabling.result("why_one_shot")["one_more_class"]
    ]
    return markdown(
        ("one more class", "examples of each class", "seconds", "pictures trained on again"), rows
    )


def gaps() -> str:
    rows = tabling.result("why_one_shot")["rows"]
    shots = (1, 5, 15)
    cells = {(r["data"], r["contender"], r["shots"]): r for r in rows}
    return markdown(
        (
            "on 20 characters: on its own examples / on queries, %",
            *(f"{k} per class" for k in shots),
        ),
        [
            (
                name,
                *(
                    f"{cells['characters', key, k]['on_support']:.1f} / "
                    f"{cells['characters', key, k]['accuracy']['value']:.1f}"
                    for k in shots
                ),
            )
            for key, name in _CONTENDERS.items()
        ],
    )


def imagined() -> str:
    rows = [
        (
            row["encoder"],
            f"{row['n_way']}-way",
            row["source"],
            f"{row['accuracy']:.2f}",
            *("" if gain == [0, 0] else f"{gain[0]:+.2f} ± {gain[1]:.2f}" for gain in pair),
        )
        for row in tabling.result("imagine")["rows"] + tabling.result("imagine_scratch")["rows"]
        for pair in [(row["gain"], row["over_warp"] if row["source"] != "1 real" else [0, 0])]
    ]
    head = ("over", "task", "examples", "accuracy, %", "gain, points", "over the best warp, points")
    return markdown(head, rows)


def hallucinated() -> str:
    rows = [
        (
            f"{100 * row['fpir']:g} %",
            row["examples"],
            f"{row['fnir']:.2f}",
            "" if row["more"] == [0, 0] else f"{row['more'][0]:+.2f} ± {row['more'][1]:.2f}",
        )
        for row in tabling.result("hallucination")["rows"]
    ]
    return markdown(("strangers let in", "examples", "missed, %", "more, points"), rows)


def likelihood() -> str:
    rows = [
        (
            f"{row['method']}, {row['recipe']}",
            row["task"],
            f"{row['accuracy']:.2f} ± {row['ci95']:.2f}",
            f"{row['minutes']:.0f}",
        )
        for row in tabling.result("likelihood")["rows"]
    ]
    return markdown(("", "1-shot", "accuracy, %", "minutes, one core"), rows)


def dagan() -> str:
    def of_real(value: Any) -> str:
        low, high = value["ci95"]
        return f"{value['value']:.2f} [{low:.2f}, {high:.2f}]"

    rows = [
        (
            row["source"],
            percent(row["kept"]),
            *(of_real(row[key]) for key in ("variety", "to_reference", "to_background")),
            percent(row["same"]),
        )
        for row in tabling.result("dagan")["rows"]
    ]
    far = ("from each other, without affine warps", "from the reference", "from the background")
    return markdown(("drawn by", "class kept, %", *far, "the same twice, %"), rows)


def minimal() -> str:
    found = tabling.result("minimal")
    rows = [
        (
            row["recipe"],
            f"{row['steps']:,}",
            f"{row['minutes']:.0f}",
            *(f"{value:.2f} ± {half:.2f}" for value, half in (row["views"], row["one view"])),
        )
        for row in found["rows"]
    ]
    head = ("recipe", "steps", "minutes, one core", "error, %", "error without views, %")
    return markdown(head, rows)


def minimal_gain() -> str:
    rows = [
        (
            row["background"],
            "{:+.2f} ± {:.2f}".format(*row["points"]),
            f"{row['only_without_wrong']:g}",
            f"{row['only_filled_wrong']:g}",
        )
        for row in tabling.result("minimal")["differences"]
    ]
    wrong = ("wrong without alone", "wrong with alone")
    return markdown(("background", "error with the pen, less without, points", *wrong), rows)


def compiled() -> str:
    """Whether torch.compile pays for a training step."""
    rows = [
        (
            f"`{row['recipe']}`",
            f"{row['step_ms']:.0f}",
            f"{row['compiled_to_eager']:.2f}",
        )
        for row in tabling.result("compiled")["rows"]
    ]
    head = ("a step of", "as it is, ms of CPU time", "compiled, times as long")
    return markdown(head, rows)


TABLES: dict[str, Callable[[], str]] = {
    "compiled": compiled,
    "ntm": ntm,
    "ntm_step": ntm_step,
    "mann": mann,
    "intents": intents,
    "rejection": rejection,
    "stream": stream,
    "comparison": comparison,
    "comparison_seeds": comparison_seeds,
    "comparison_cost": comparison_cost,
    "why_characters": lambda: _why("characters"),
    "why_digits": lambda: _why("digits"),
    "one_more_class": one_more_class,
    "gaps": gaps,
    "imagined": imagined,
    "hallucinated": hallucinated,
    "likelihood": likelihood,
    "dagan": dagan,
    "minimal": minimal,
    "minimal_gain": minimal_gain,
}
