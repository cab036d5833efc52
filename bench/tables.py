"""Write the tables of README and docs from the result files, between their markers.

python bench/tables.py            # write
python bench/tables.py --check    # exit 1 where a page differs from its result file
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
MARKED = re.compile(r"(<!-- table (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
Cells = list[tuple[str, ...]]


def result(name: str) -> Any:
    return json.loads((ROOT / "results" / f"{name}.json").read_text())


def markdown(head: tuple[str, ...], rows: Cells) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def characters() -> str:
    beside = {
        "lake": "people 4.5, BPL 3.3 error (Lake et al. 2015)",
        "evaluation": "",
        "digits": "",
    }
    rows = [
        (
            row["title"],
            f"{row['n_way']}-way {row['k_shot']}-shot",
            f"{row['episodes']:,}",
            f"**{row['accuracy']:.2f}** ± {row['ci95']:.2f}",
            f"{row['error_percent']:.2f}",
            beside[row["key"]],
        )
        for row in result("characters")["accuracy"]
    ]
    return markdown(("on", "task", "episodes", "accuracy, %", "error, %", "beside"), rows)


def strangers() -> str:
    rows = [
        (
            f"{100 * row['stated']:g} %",
            "refused"
            if row["fpir"] is None
            else f"{100 * row['fpir']:.2f} % [{100 * row['low']:.2f}, {100 * row['high']:.2f}]",
            "" if row["fnir"] is None else f"{100 * row['fnir']:.1f} %",
        )
        for row in result("characters")["strangers"]
    ]
    head = ("strangers accepted, stated", "measured [95 % interval]", "enrolled people missed")
    return markdown(head, rows)


def promise() -> str:
    def share(value: Any) -> str:
        low, high = (100 * end for end in value["ci95"])
        return f"{100 * value['value']:.2f} [{low:.2f}, {high:.2f}]"

    cells = result("promise")["cells"]
    rows = [
        (
            str(cell["size"]),
            str(cell["shots"]),
            f"{100 * cell['stated']:g}",
            *(
                (
                    share(cell["fpir"]),
                    share(cell["constant"]["fpir"]),
                    share(cell["fnir"]),
                    f"{100 * cell['cannot_tell']['value']:.2f}",
                )
                if cell["fpir"]
                else ("refused", "", "", "")
            ),
        )
        for cell in cells
    ]
    head = (
        "enrolled",
        "examples",
        "stated, %",
        "strangers accepted, %",
        "with one constant threshold, %",
        "missed, %",
        "cannot tell, %",
    )
    return markdown(head, rows)


def _few(rows: Any) -> dict[tuple[Any, ...], Any]:
    return {(row["enrolled"], row["stated"], row["own_classes"]): row for row in rows}


def _accepted_and_missed(row: Any) -> tuple[str, str]:
    if row["fpir"] is None:
        return f"refused below {100 * row['smallest']:.0f} %", ""
    low, high = (100 * end for end in row["fpir"]["ci95"])
    return (
        f"{100 * row['fpir']['value']:.1f} [{low:.1f}, {high:.1f}]"
        + (f", refused in {100 * row['refused']:.0f} %" if row["refused"] else ""),
        f"{100 * row['fnir']['value']:.1f}",
    )


def domains() -> str:
    rows = []
    for domain in result("domains")["domains"]:
        own = domain["own_classes"]
        for shots in sorted({row["shots"] for row in domain["rows"]}):
            found = _few([row for row in domain["rows"] if row["shots"] == shots])
            for enrolled, stated in dict.fromkeys((key[0], key[1]) for key in found):
                without, beside = (
                    _accepted_and_missed(found[enrolled, stated, n]) for n in (0, own)
                )
                cells = (f"{100 * stated:g}", *without, *beside)
                rows.append((domain["domain"], str(shots), *cells))
    head = ("accepted, %", "missed, %", "accepted with own strangers, %", "missed, %")
    return markdown(("", "examples", "stated, %", *head), rows)


def voice() -> str:
    (words,) = (d for d in result("domains")["domains"] if d["domain"] == "spoken words")
    rows = [
        (str(row["shots"]), f"{100 * row['stated']:g}", *_accepted_and_missed(row))
        for row in words["rows"]
        if not row["own_classes"]
    ]
    head = ("examples", "stated, %", "strangers let in, % [95 %]", "known words missed, %")
    return markdown(head, rows)


def domain_facts() -> str:
    rows = [
        (
            domain["domain"],
            f"{domain['trained_classes']:,}",
            *(
                str(domain[f"{part}classes"])
                for part in ("cohort_", "tested_")
            ),
            str(domain["enrolled"]),
            f"{domain['own_classes']} x {domain['own_pictures_of_each']}",
            str(domain["counted_classes"]),
            f"{100 * domain['cannot_tell']:.1f}",
        )
        for domain in result("domains")["domains"]
    ]  # fmt: skip
    head = ("", "classes learned from", "cohort", "tested", "enrolled of these", "own strangers")
    return markdown((*head, "counted strangers", "cannot tell, %"), rows)


def own_strangers() -> str:
    found = result("own_strangers")["rows"]
    given = list(dict.fromkeys(row["own_classes"] for row in found))
    rows = []
    for source in dict.fromkeys(row["source"] for row in found):
        cells = _few([row for row in found if row["source"] == source])
        for enrolled, stated in dict.fromkeys((key[0], key[1]) for key in cells):
            shares = (cells[enrolled, stated, classes] for classes in given)
            rows.append(
                (
                    source,
                    str(enrolled),
                    f"{100 * stated:g}",
                    *(
                        f"{100 * row['fpir']['value']:.1f} / {100 * row['fnir']['value']:.0f}"
                        for row in shares
                    ),
                )
            )
    head = ("source", "enrolled", "stated, %", "no own strangers", *(str(n) for n in given[1:]))
    return markdown(head, rows)


def foreign() -> str:
    kinds = result("foreign")["kinds"]
    answers = ("match", "unknown", "cannot_tell", "nothing_to_see")
    rows = [(row["kind"], str(row["inputs"]), *(f"{row[a]:g}" for a in answers)) for row in kinds]
    total = [sum(row[a] for row in kinds) for a in ("inputs", *answers)]
    rows.append(("all", *(f"{value:,g}" for value in total)))
    return markdown(("", "inputs", *(a.replace("_", " ") for a in answers)), rows)


def kills() -> str:
    rows = [
        (
            run["driven"],
            str(run["kills"]),
            ", ".join(f"{kind} {count}" for kind, count in run["interrupted"].items()),
            f"{run['acknowledged']:,}",
            str(run["lost"]),
            f"{run['audit_lines']:,}",
        )
        for run in result("kill")["runs"]
    ]
    head = ("driven", "kills", "in the middle of", "acknowledged changes", "lost or half done")
    return markdown((*head, "audit lines, one chain"), rows)


def reliability() -> str:
    found = result("promise")
    cells = {(r["size"], r["shots"], r["stranger_prior"]): r for r in found["reliability"]}
    priors = sorted({key[2] for key in cells})

    def shown(row: Any) -> str:
        error = 100 * row["expected_calibration_error"]
        return f"{error:.1f} ({row['brier']:.3f} / {row['brier_of_base_rate']:.3f})"

    rows = [
        (f"{size:,}", str(shots), *(shown(cells[size, shots, prior]) for prior in priors))
        for size, shots in dict.fromkeys((key[0], key[1]) for key in cells)
    ]
    rows.append(("all", "", *(shown(found["reliability_of_all"][str(p)]) for p in priors)))
    heads = (f"{100 * prior:g} % strangers" for prior in priors)
    return markdown(("enrolled", "examples", *heads), rows)


def ntm() -> str:
    found = result("ntm")
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
    step = result("ntm_step")
    cells = (f"{step['ours_ms']:.1f}", f"{step['plain_ms']:.1f}", f"**{step['ratio']:.2f}**")
    head = ("ms a step", "plainly written", "ratio (median of neighboring steps)")
    return markdown(head, [cells])


def mann() -> str:
    shown = (1, 2, 3, 5, 10)

    # Santoro et al. 2016, table 1; from memory but for what is marked as checked.
    published: Cells = [
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
        for run in result("mann")["runs"]
    ] + published
    return markdown(("", *(f"{k}." for k in shown), "minutes"), rows)


def _percent(value: Any) -> str:
    low, high = (100 * end for end in value["ci95"])
    return f"{100 * value['value']:.1f} [{low:.1f}, {high:.1f}]"


def intents() -> str:
    found = result("intents")["accuracy"]
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
        (row["model"], *(_percent(row[column]) for column in columns))
        for row in result("intents")["rejection"]
    ]
    return markdown(("at a stated 10 %", *columns.values()), rows)


def stream() -> str:
    found = result("stream")["contenders"]
    shown = (2, 5, 10, 20)
    rows = [
        (
            row["name"],
            _percent(row["new_as_new"]),
            *(f"{100 * row['right_at_instance'][k - 1]['value']:.1f}" for k in shown),
            f"{row['kept']:,} ({row['kept_bytes'] / 1e6:.1f} MB)",
            f"{row['median_ms']['recognize']:.1f} + {row['median_ms']['learn']:.1f}",
        )
        for row in found
    ]
    head = (
        "",
        "new recognized as new, %",
        *(f"right at the {k}{'nd' if k == 2 else 'th'}, %" for k in shown),
        "kept",
        "ms to recognize + learn",
    )
    picture = "![The stream](stream.png)\n\n" if found else ""
    return picture + markdown(head, rows)


def comparison() -> str:
    found = result("comparison")
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


def comparison_cost() -> str:
    rows = [
        (
            row["name"],
            *("" if value is None else f"{value:,}" for value in
              (row["parameters"], row["training_minutes"], row["seed"])),
            " / ".join(f"{cell['ms_per_query']:.2g}" for cell in row["cells"]),
        )
        for row in result("comparison")["rows"]
    ]  # fmt: skip
    return markdown(("method", "parameters", "training, min", "seed", "ms per query"), rows)


_CONTENDERS = {
    "pack": "one-shot: the pack `characters`",
    "scratch": "a network trained from scratch",
    "pixels": "logistic regression on pixels",
    "embedding": "logistic regression on the pack's embedding",
}


def _why(data: str) -> str:
    rows = [row for row in result("why_one_shot")["rows"] if row["data"] == data]
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
        for row in result("why_one_shot")["one_more_class"]
    ]
    return markdown(
        ("one more class", "examples of each class", "seconds", "pictures trained on again"), rows
    )


def gaps() -> str:
    rows = result("why_one_shot")["rows"]
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
        for row in result("imagine")["rows"]
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
        for row in result("hallucination")["rows"]
    ]
    return markdown(("strangers let in", "examples", "missed, %", "more, points"), rows)


def dagan() -> str:
    def of_real(value: Any) -> str:
        low, high = value["ci95"]
        return f"{value['value']:.2f} [{low:.2f}, {high:.2f}]"

    rows = [
        (
            row["source"],
            _percent(row["kept"]),
            *(of_real(row[key]) for key in ("variety", "to_reference", "to_background")),
            _percent(row["same"]),
        )
        for row in result("dagan")["rows"]
    ]
    far = ("from each other, without affine warps", "from the reference", "from the background")
    return markdown(("drawn by", "class kept, %", *far, "the same twice, %"), rows)


def minimal() -> str:
    found = result("minimal")
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
        for row in result("minimal")["differences"]
    ]
    wrong = ("wrong without alone", "wrong with alone")
    return markdown(("background", "error with the pen, less without, points", *wrong), rows)


def sinusoid() -> str:
    rows = [
        (
            row["method"],
            str(row["k_shot"]),
            "" if row["steps"] is None else str(row["steps"]),
            f"{row['mse']:.3f} ± {row['ci95']:.3f}",
            f"{row['training_tasks']:,}",
        )
        for row in result("sinusoid")
    ]
    return markdown(("", "points", "inner steps", "mean squared error", "waves in training"), rows)


def strokes() -> str:
    found = {(row["following"], row["method"]): row for row in result("strokes")["rows"]}
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
            f"{row['method']}, {row['recipe']}",
            f"{row['tasks']:,} x {row['n_way']}-way",
            f"{row['minutes']:.0f}",
            *(
                "{accuracy:.2f} ± {ci95:.2f}".format_map(row["accuracy"][f"{n} {kind}"])
                for n, kind in columns
            ),
        )
        for row in result("meta")
    ]
    head = [f"{n}-way, {kind}, %" for n, kind in columns]
    return markdown(("1-shot", "tasks seen", "minutes, one core", *head), rows)


def meta_speed() -> str:
    found = result("meta_speed")
    rows = [
        (
            f"{row['net']}, {row['steps']} inner step{'s' * (row['steps'] > 1)}",
            *(f"{row['rate'][name]:,.1f}" for name in ("holotype", "higher", "torchopt")),
            f"{row['ratio']:.2f}",
            f"{row['float64']:.0e}",
        )
        for row in found["rows"]
    ]
    head = ("", "holotype", "higher", "torchopt", "times the faster peer", "gradients apart")
    memory = f"Conv4-64, {found['tasks']} tasks, 5 inner steps: {found['memory_mb']:.0f} MB"
    return markdown(head, rows) + f"\n{memory} above import.\n"


_SHELF_ROWS = {
    "whole": "the network's last map",
    "middle": "its middle",
    "aligned": "its middle, aligned",
    "head": "**the head**",
}


def grocery() -> str:
    cells = {(row["model"], row["enrolled"]): row["accuracy"] for row in result("grocery")["rows"]}
    kinds = list(dict.fromkeys(kind for _, kind in cells))
    rows = [
        (name, *(_percent(cells[key, kind]) for kind in kinds)) for key, name in _SHELF_ROWS.items()
    ]
    return markdown(("right of 81, % [95 %]", *kinds), rows)


def shelf_strangers() -> str:
    rows = []
    for row in result("shelf_strangers")["rows"]:
        cells = ["refused", ""]
        if row["fpir"] is not None:
            cells = [_percent(row[rate]) for rate in ("fpir", "fnir")]
            cells[0] += f", refused in {100 * row['refused']:.0f} %" if row["refused"] else ""
        rows.append((f"{100 * row['stated']:g}", row["enrolled_as"], *cells))
    head = ("stated, %", "enrolled", "strangers let in, % [95 %]", "enrolled products missed, %")
    return markdown(head, rows)


def details() -> str:
    found = result("details")
    rows = []
    for name in ("products", "characters"):
        for row in found[name]["rows"]:
            answers = [f"{100 * value:.1f}" for value in row["answers"].values()]
            mended = "" if row["mended"] is None else f"{100 * row['mended']['value']:.0f}"
            rows.append((name, str(row["examples"]), _percent(row["nearest"]), mended, *answers))
    kinds = [f"{kind}, %" for kind in found["products"]["rows"][0]["answers"]]
    head = ("", "examples", "nearest is right, % [95 %]", "of one example's errors mended, %")
    return markdown((*head, *kinds), rows)


def mistaken() -> str:
    found = result("details")
    rows = [
        (
            name,
            *(
                case[key].replace("-", " ").replace("/character", " ").replace("_", " ")
                for key in ("what", "for")
            ),
            f"{100 * case['share']:.0f}",
        )
        for name in ("products", "characters")
        for case in found[name]["mistaken"]
    ]
    return markdown(("", "what was shown", "is taken for", "how often, %"), rows)


def forgers() -> str:
    rows = [
        (str(row["examples"]), *(_percent(row[kind]) for kind in ("genuine", "forged")))
        for row in result("details")["signatures"]
    ]
    head = ("examples", "genuine: match, % [95 %]", "skilled forgery: match, %")
    return markdown(head, rows)


def signatures() -> str:
    found = result("signatures")["rows"]
    cells = {(r["contender"], r["forgeries"], r["references"]): r for r in found}
    columns = [(kind, count) for kind in ("skilled", "random") for count in (1, 5, 12)]
    rows = []
    for name in dict.fromkeys(r["contender"] for r in found):
        of_name = [cells[name, *column] for column in columns]
        rows.append(
            (
                name,
                *(
                    f"{r['equal_error']:.1f} [{r['ci95'][0]:.1f}, {r['ci95'][1]:.1f}]"
                    for r in of_name
                ),
            )
        )
    return markdown(("equal error, %", *(f"{kind}, {n}" for kind, n in columns)), rows)


def defects() -> str:
    found = result("defects")
    rows = [
        (
            row["contender"],
            str(row["shots"]),
            f"{row['accuracy']:.1f} ± {row['ci95']:.1f}",
            "{:.0f} to {:.0f}".format(*row["draws95"]),
            *(f"{value:.0f}" for value in row["recall"]),
        )
        for row in found["rows"]
    ]
    kinds = [kind.replace("_", " ") for kind in found["kinds"]]
    return markdown(("", "examples", "right of 6, %", "draws", *kinds), rows)


def anomaly() -> str:
    found = result("defects")
    rows = [
        (
            found["kinds"][row["left_out"]].replace("_", " "),
            str(row["shots"]),
            "refused" if row["fpir"] is None else f"{100 * row['fpir']:.1f}",
            "" if row["fnir"] is None else f"{100 * row['fnir']:.1f}",
            f"{100 * row['auc']:.1f}",
        )
        for row in found["anomaly"]
    ]
    head = ("the unknown kind", "examples", "let in, %", "known missed, %", "told apart, %")
    return markdown(head, rows)


def zero_shot() -> str:
    found = result("zero_shot")["rows"]
    rows = []
    for data, model, name in dict.fromkeys((r["data"], r["model"], r["name"]) for r in found):
        of_row = {
            r["examples"]: f"{r['accuracy']:.1f} ± {r['ci95']:.1f}"
            for r in found
            if (r["data"], r["model"], r["name"]) == (data, model, name)
        }
        shown = "name and examples" if name else "examples alone"
        rows.append((data, model, shown, *(of_row.get(k, "") for k in (0, 1, 2, 5))))
    return markdown(("", "", "right of 20, %", "none", "1", "2", "5"), rows)


def door() -> str:
    found = result("faces")
    rows = []
    for row in found["open_set"]["rows"]:
        measured = [
            "" if row[rate] is None else f"{100 * row[rate]['value']:.1f} % [{low:.1f}, {high:.1f}]"
            for rate in ("fpir", "fnir")
            for low, high in [[100 * end for end in (row[rate] or {"ci95": (0, 0)})["ci95"]]]
        ]
        if row["stated"] == "default":
            rows.append(("none: the default threshold", "", *measured))
        else:
            refused = f"{100 * row['refused']:.1f} %"
            rows.append((f"{100 * row['stated']:g} %", refused, *measured))
    later = found["open_set"]["afterwards"]
    chosen = f"chosen afterwards: {100 * later['fpir']:g} % let in"
    rows.append((chosen, "", "", f"{100 * later['fnir']:.1f} %"))
    head = (
        "strangers accepted, stated",
        "galleries that refuse it",
        "strangers accepted, measured [95 % interval]",
        "enrolled people missed",
    )
    return markdown(head, rows)


def door_speed() -> str:
    names = ("holotype", "face_recognition", "deepface")
    rows = [
        (
            row["kind"],
            str(row["pictures"]),
            *(f"{row[name]['median_ms']:,.0f}" for name in names),
            *(f"{row[name]['ours_to_its_time']:.2f}" for name in names[1:]),
            " / ".join(f"{100 * row[name]['found']:.0f}" for name in names),
        )
        for row in result("faces_speed")["rows"]
    ]
    head = (
        *("pictures", "", "holotype, ms", "face_recognition, ms", "deepface, ms"),
        *("of the time of face_recognition", "of deepface", "faces found, %"),
    )
    return markdown(head, rows)


def pack_build() -> str:
    found = result("pack_build")
    return markdown(
        ("pictures", "bare embedding, CPU-s", "pack build, CPU-s", "ratio", "at most"),
        [
            (
                f"{found['pictures']:,}",
                f"{found['embed_s']:.0f}",
                f"{found['build_s']:.0f}",
                f"{found['ratio']:.2f}",
                f"{found['most']:g}",
            )
        ],
    )


TABLES: dict[str, Callable[[], str]] = {
    "pack_build": pack_build,
    "grocery": grocery,
    "shelf_strangers": shelf_strangers,
    "details": details,
    "mistaken": mistaken,
    "forgers": forgers,
    "signatures": signatures,
    "defects": defects,
    "anomaly": anomaly,
    "zero_shot": zero_shot,
    "sinusoid": sinusoid,
    "strokes": strokes,
    "meta": meta,
    "meta_speed": meta_speed,
    "characters": characters,
    "strangers": strangers,
    "promise": promise,
    "reliability": reliability,
    "domains": domains,
    "domain_facts": domain_facts,
    "voice": voice,
    "own_strangers": own_strangers,
    "foreign": foreign,
    "kills": kills,
    "imagined": imagined,
    "hallucinated": hallucinated,
    "dagan": dagan,
    "minimal": minimal,
    "minimal_gain": minimal_gain,
    "comparison": comparison,
    "comparison_cost": comparison_cost,
    "why_characters": lambda: _why("characters"),
    "why_digits": lambda: _why("digits"),
    "one_more_class": one_more_class,
    "gaps": gaps,
    "ntm": ntm,
    "ntm_step": ntm_step,
    "mann": mann,
    "intents": intents,
    "rejection": rejection,
    "stream": stream,
    "door": door,
    "door_speed": door_speed,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    differing = []
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = page.read_text()
        written = MARKED.sub(lambda m: m[1] + TABLES[m[2]]() + m[3], text)
        if written != text:
            differing.append(page.name)
            if not check:
                page.write_text(written)
    if differing:
        print(f"{'differ' if check else 'written'}: {', '.join(differing)}")
    raise SystemExit(bool(check and differing))


if __name__ == "__main__":
    main()
