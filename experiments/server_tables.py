"""Tables of the server: its routes, and what it was measured with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import tabling
from holotype.markdown import table as markdown

_DESCRIPTION = tabling.ROOT / "tests" / "server" / "openapi.json"
_WAVES = {
    "slow": "connections that say nothing, or half of something",
    "halves": "bodies that end in the middle",
    "bombs": "pictures and ZIP files that would grow, and what is neither",
}

_BODIES = {
    "bomb": "a PNG of 100,000 x 100,000 pixels",
    "wide": "a PNG of 40,000 x 1,250 pixels",
    "largest": "a PNG of 7,000 x 7,000 pixels, all there",
    "text": "a text",
    "cut": "the first bytes of a picture",
    "empty": "nothing",
}


def routes() -> str:
    rows = []
    for path, methods in json.loads(_DESCRIPTION.read_text())["paths"].items():
        if not path.startswith("/api/"):
            rows += [
                (f"`{method.upper()} {path}`", said["x-scope"] or "none", _first(said))
                for method, said in methods.items()
            ]
    return markdown(("call", "scope", "what it does"), rows)


def _first(said: dict[str, Any]) -> str:
    sentence: str = said["description"].split("\n\n")[0]
    return sentence.rstrip(".")


def hostile() -> str:
    found = tabling.result("hostile")
    rows = []
    for wave, name in _WAVES.items():
        row = found[wave]
        sent = row.get("connections") or row.get("bodies") or sum(row["answers"].values())
        asked = row["neighbor_answered"] + row["neighbor_refused"]
        rows.append(
            (
                name,
                f"{sent:,}",
                f"{row['neighbor_answered']} of {asked}",
                f"{1000 * row['neighbor_median_s']:.0f}",
                f"{1000 * row['neighbor_slowest_s']:,.0f}",
                row["peak_mb"],
            )
        )
    bar = f"memory, MB (bar: {found['bar_mb']})"
    head = ("what is sent", "how many", "another client's calls answered", "median, ms")
    return markdown((*head, "slowest, ms", bar), rows)


def refused() -> str:
    """What hostile bodies were told."""
    rows = []
    for told, count in tabling.result("hostile")["bombs"]["answers"].items():
        status, _, rest = told.partition(" ")
        what, _, code = rest.rpartition(": ")
        rows.append((_BODIES.get(what, what), count, status, "" if code == "None" else f"`{code}`"))
    return markdown(("sent", "how often", "status", "reason, or code"), rows)


def made_up() -> str:
    found = tabling.result("made_up_calls")
    rows = [
        ("calls", f"{found['requests']:,}", f"{found['bar_requests']:,}"),
        ("routes that were called", found["routes"], ""),
        ("calls of the least called", found["fewest_of_a_route"], ""),
        ("rounds, each on a new gallery", found["rounds"], ""),
        (
            "rounds with an answer that is not described",
            found["rounds_with_an_undescribed_answer"],
            0,
        ),
        ("answers of status 500 and above", found["server_errors"], 0),
    ]
    return markdown(("", "found", "bar"), rows)


def served() -> str:
    found = tabling.result("serve")
    one, killed = found["one_call"], found["killed"]
    acknowledged = killed["enrollments_acknowledged"]
    rows = [
        ("one call after the other, HTTP to library", one["ratio"], f"at most {one['bar']}"),
        (f"enrollments lost; doubled, of {acknowledged} acknowledged",
         f"{killed['lost']}; {killed['doubled']}", "0; 0"),
        ("errors beside lost and refused connections", sum(killed["other_errors"].values()), 0),
        ("p99 to p50", killed["p99_over_p50"], f"at most {killed['bar']:g}"),
        ("p50; p99, ms", f"{killed['p50_ms']:,}; {killed['p99_ms']:,}", ""),
        ("calls; a second", f"{killed['calls']:,}; {killed['calls_a_second']:.0f}", ""),
        ("*cannot tell*, % of answers", f"{100 * killed['cannot_tell_share']:.1f}", ""),
    ]  # fmt: skip
    return markdown(("", "measured", "bar"), rows)


def throughput() -> str:
    together = tabling.result("serve")["together"]
    rows = [
        (
            row["pictures_a_call"],
            *(f"{row[f'{one}_a_second']:.0f}" for one in ("embedder", "library", "http")),
            row["ratio"],
            row["processor_ratio"],
        )
        for row in together
    ]
    head = ("pictures a call", "embedder alone, pictures a second", "library", "HTTP")
    bar = f"HTTP to embedder (bar: {together[0]['bar']})"
    return markdown((*head, bar, "in processor time"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "routes": routes,
    "hostile": hostile,
    "refused_bodies": refused,
    "made_up_calls": made_up,
    "served": served,
    "served_throughput": throughput,
}
