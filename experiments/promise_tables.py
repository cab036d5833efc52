"""Tables of the shipped pack and of the promise about strangers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tabling
from holotype.markdown import table as markdown


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
        for row in tabling.result("characters")["accuracy"]
    ]
    return markdown(("on", "task", "episodes", "accuracy, %", "error, %", "beside"), rows)


def views() -> str:
    """How many views of a picture the pack `characters` needs."""

    def shown(cell: Any) -> str:
        beside = f" ({cell['gain']:+.2f} ± {cell['ci95']:.2f})" if cell["ci95"] else ""
        return f"{cell['accuracy']:.2f}{beside}"

    rows = [
        (
            row["views"],
            str(row["passes"]),
            f"{row['cpu_to_seven']:.2f}",
            shown(row["as they are"]),
            shown(row["8 x 8"]),
        )
        for row in tabling.result("characters_views")["rows"]
    ]
    head = ("views", "passes", "CPU time", "as they are, 20-way, %", "8 x 8, 10-way, %")
    return markdown(head, rows)


def gallery_band() -> str:
    """How far one gallery scatters, in a simulation."""
    rows = [
        (
            str(row["enrolled"]),
            *(f"{100 * row[key]:.1f}" for key in ("stated", "mean")),
            *(
                f"{100 * low:.1f} to {100 * high:.1f}"
                for low, high in ((row["tenth"], row["ninetieth"]), row["told"])
            ),
            *(f"{100 * row[key]:.0f}" for key in ("keep", "keep_with_confidence")),
            f"{100 * row['mean_with_confidence']:.1f}",
        )
        for row in tabling.result("gallery_band")["rows"]
    ]
    head = ("enrolled", "stated, %", "let in, mean, %", "in all but two tenths, %", "told, %")
    kept = ("galleries that keep it, %", "with confidence 0.8, %", "then let in, mean, %")
    return markdown((*head, *kept), rows)


def drift() -> str:
    """How often drift is told."""
    rows = [
        (
            row["change"],
            str(row["enrolled"]),
            f"{100 * row['strangers']:.0f}",
            *(f"{100 * row[key]:.1f}" for key in ("more alike", "less alike")),
        )
        for row in tabling.result("drift")["rows"]
    ]
    head = ("what changed", "enrolled", "strangers among the probes, %")
    return markdown((*head, "told: more alike, %", "less alike, %"), rows)


def follow() -> str:
    """What following one change costs."""
    rows = [
        (
            *(f"{row[key]:,}" for key in ("enrolled", "examples")),
            *(f"{row[key]:.1f}" for key in ("cohort_ms", "enrolled_ms", "largest_hub_ms")),
            f"{row['anew_ms']:,.0f}",
        )
        for row in tabling.result("follow")["rows"]
    ]
    head = ("enrolled", "examples", "the cohort, CPU-ms", "the enrolled, CPU-ms")
    return markdown((*head, "the largest hub leaves", "all anew"), rows)


def strangers() -> str:
    def shown(value: Any) -> str:
        low, high = (100 * end for end in value["ci95"])
        return f"{100 * value['value']:.2f} % [{low:.2f}, {high:.2f}]"

    rows = [
        (
            f"{100 * row['stated']:g} %",
            "refused" if row["fpir"] is None else shown(row["fpir"]),
            "" if row["fnir"] is None else f"{100 * row['fnir']['value']:.1f} %",
        )
        for row in tabling.result("characters")["strangers"]
    ]
    head = ("strangers accepted, stated", "measured [95 % interval]", "enrolled people missed")
    return markdown(head, rows)


def why_not() -> str:
    found = tabling.result("why_not")
    cells = {(r["rule"], r["stated"], r["enrolled"]): r for r in found["rows"]}
    sizes = sorted({size for _, _, size in cells})
    tuned = f"one constant threshold, set for {found['tuned_at']} enrolled"
    titles = {"constant": tuned, "stated": "**holotype**"}

    def row(title: str, allowed: str, rule: str, stated: float) -> tuple[str, ...]:
        shown = (
            f"{100 * cells[rule, stated, size][what]['value']:.1f}"
            for what in ("accepted", "missed")
            for size in sizes
        )
        return (title, allowed, *shown)

    rates = sorted({rate for _, rate, _ in cells}, reverse=True)
    rows = [row("plain nearest neighbor", "cannot be said", "nearest", rates[0])]
    rows += [
        row(title, f"{100 * rate:g}", rule, rate)
        for rate in rates
        for rule, title in titles.items()
    ]
    heads = [
        f"{what} at {size} enrolled, %" for what in ("strangers let in", "missed") for size in sizes
    ]
    return markdown(("", "allowed, %", *heads), rows)


def promise() -> str:
    def share(value: Any) -> str:
        low, high = (100 * end for end in value["ci95"])
        return f"{100 * value['value']:.2f} [{low:.2f}, {high:.2f}]"

    cells = tabling.result("promise")["cells"]
    rows = [
        (
            str(cell["size"]),
            str(cell["shots"]),
            f"{100 * cell['stated']:g}",
            *(
                (
                    " or ".join(cell["basis"]),
                    share(cell["fpir"]),
                    share(cell["constant"]["fpir"]) if cell["constant"] else "",
                    share(cell["fnir"]),
                    f"{100 * cell['cannot_tell']['value']:.2f}",
                )
                if cell["fpir"]
                else ("refused", "", "", "", "")
            ),
        )
        for cell in cells
    ]
    head = (
        "enrolled",
        "examples",
        "stated, %",
        "the rate is",
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
    return tabling.accepted(row), f"{100 * row['fnir']['value']:.1f}"


def domains() -> str:
    rows = []
    for domain in tabling.result("domains")["domains"]:
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
    (words,) = (d for d in tabling.result("domains")["domains"] if d["domain"] == "spoken words")
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
        for domain in tabling.result("domains")["domains"]
    ]  # fmt: skip
    head = ("", "classes learned from", "cohort", "tested", "enrolled of these", "own strangers")
    return markdown((*head, "counted strangers", "cannot tell, %"), rows)


def own_strangers() -> str:
    found = tabling.result("own_strangers")["rows"]
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
    kinds = tabling.result("foreign")["kinds"]
    answers = ("match", "unknown", "cannot_tell", "nothing_to_see")
    rows = [(row["kind"], str(row["inputs"]), *(f"{row[a]:g}" for a in answers)) for row in kinds]
    total = [sum(row[a] for row in kinds) for a in ("inputs", *answers)]
    rows.append(("all", *(f"{value:,g}" for value in total)))
    return markdown(("", "inputs", *(a.replace("_", " ") for a in answers)), rows)


def reliability() -> str:
    found = tabling.result("promise")
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


def everywhere() -> str:
    """Every cell: domain, enrolled, examples, rate."""

    def row(cell: Any) -> tuple[str, ...]:
        about = (
            cell["domain"],
            f"{cell['enrolled']}, {cell['examples']}",
            f"{100 * cell['stated']:g}",
        )
        refused = f"{100 * cell['refused']:.0f}"
        if "let_in" not in cell:
            return (*about, "refused", "", "", "", refused, "", "")
        few = "" if cell["let_in"]["classes"] >= 15 else " (not counted)"
        rests = max(cell["rests_on"], key=cell["rests_on"].get)
        return (
            *about,
            rests.replace(" by enrolled", "").replace(" by", ","),
            tabling.percent(cell["let_in"]) + few,
            f"{100 * cell['missed']['value']:.1f}",
            f"{100 * cell['best_missed']:.1f}",
            refused,
            f"{100 * cell['cannot_tell']:.1f}",
            f"{100 * cell['by_threshold_alone']:.1f}",
        )

    head = ("", "enrolled, examples", "stated, %", "rests mostly on", "let in, % [95 %]")
    rest = ("missed, %", "best, %", "refused, %", "cannot tell, %", "by the threshold alone, %")
    return markdown((*head, *rest), [row(c) for c in tabling.result("everywhere")["cells"]])


def everywhere_bars() -> str:
    """What should be reached, and by how many cells it is."""
    bars = tabling.result("everywhere")["bars"]

    def of(pair: Any) -> str:
        return f"{pair[0]} of {pair[1]}"

    rows: list[tuple[str, ...]] = []
    for name in ("all", "guaranteed", "estimated"):
        one = bars[name]
        kept = of((one["at_most_the_rate_and_1.64_se"], one["cells"]))
        rows.append((f"let in at most the stated rate and 1.64 standard errors, {name}", kept))
    rows += [
        ("the interval lies above the stated rate", str(bars["all"]["interval_above"])),
        ("more than twice the stated rate", str(bars["all"]["twice"])),
        (
            "missed at most 1.5 times (100 enrolled and more: 1.15 times) the best and a point, "
            "guaranteed",
            of(bars["missed_guaranteed"]),
        ),
        ("missed at most 1.15 times the best and a point, estimated", of(bars["missed_estimated"])),
        (
            "an enrolled one taken for another no more often than proven",
            of(bars["taken_for_another"]),
        ),
        ("cannot tell at most 3 %", of(bars["not_answered_at_most_3_percent"])),
        (
            "galleries refused, of what is not guaranteed, %",
            f"{100 * bars['refused_of_estimated']:.1f}",
        ),
        (
            "galleries refused where ranks reach, %",
            f"{100 * bars['refused_where_ranks_reach']:.1f}",
        ),
    ]
    return markdown(("of the counted cells", ""), rows)


def unlabeled() -> str:
    def row(cell: Any) -> tuple[str, ...]:
        let_in = "refused" if "let_in" not in cell else tabling.percent(cell["let_in"])
        before = cell["without"]
        return (
            cell["domain"],
            str(cell["enrolled"]),
            f"{100 * cell['share']:.0f}",
            f"{100 * cell['stated']:g}",
            f"{100 * before['let_in']['value']:.1f} / {100 * before['missed']['value']:.1f}"
            if "let_in" in before
            else "refused",
            let_in,
            f"{100 * cell['missed']['value']:.1f}" if "missed" in cell else "",
            f"{100 * cell['best_missed']:.1f}" if "missed" in cell else "",
            f"{100 * cell['refused']:.0f}",
            f"{100 * cell['another_kind']:.0f}",
        )

    head = ("", "enrolled", "strangers among them, %", "stated, %", "without: let in / missed, %")
    rest = (
        "let in, % [95 %]",
        "missed, %",
        "best, %",
        "refused, %",
        "said to be of another kind, %",
    )
    return markdown((*head, *rest), [row(c) for c in tabling.result("unlabeled")["cells"]])


def visitors() -> str:
    rows = [
        (
            row["track"],
            f"{100 * row['stated']:g}",
            row["rule"],
            tabling.percent(row["let_in"]),
            tabling.percent(row["missed"]),
        )
        for row in tabling.result("visitors")["rows"]
    ]
    return markdown(("track", "stated, %", "", "let in, % [95 %]", "missed, % [95 %]"), rows)


def turned_away() -> str:
    rows = [
        (
            f"{100 * row['stated']:g}",
            row["how"],
            *(
                f"{100 * row[share]:.1f}"
                for share in (
                    "returning_strangers_accepted",
                    "new_strangers_accepted",
                    "enrolled_missed",
                )
            ),
        )
        for row in tabling.result("turned_away")["rows"]
    ]
    head = ("stated, %", "what becomes of the reviewed", "who was let in comes again, %")
    return markdown((*head, "new strangers let in, %", "enrolled missed, %"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "characters": characters,
    "strangers": strangers,
    "views": views,
    "promise": promise,
    "drift": drift,
    "follow": follow,
    "gallery_band": gallery_band,
    "why_not": why_not,
    "reliability": reliability,
    "domains": domains,
    "domain_facts": domain_facts,
    "voice": voice,
    "own_strangers": own_strangers,
    "everywhere": everywhere,
    "everywhere_bars": everywhere_bars,
    "unlabeled": unlabeled,
    "visitors": visitors,
    "foreign": foreign,
    "turned_away": turned_away,
}
