"""The report as one self-contained page, and its figures as JSON beside it."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path

from holotype.errors import DataError
from holotype.report import figures, mistakes
from holotype.report.phrases import interval, of, one_in, percent, pictures
from holotype.report.proof import Proof
from holotype.report.words import headline, summary, verdict
from holotype.tasks.bootstrap import Share
from holotype.tasks.open_set_report import Identification, OpenSetReport


def write_report(proof: Proof, path: Path) -> tuple[Path, Path]:
    """Write the page and, under the same name with `.json`, its figures; each whole or not at all.

    Args:
        proof: what was measured.
        path: of the page, ending in `.html` or `.htm`; files that are there are replaced.

    Returns:
        The paths of the page and of the figures.

    Raises:
        DataError: the path has another ending.
        OSError: it cannot be written.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise DataError(
            f"the report {str(path)!r} does not end in .html", "Name it, for example, report.html"
        )
    beside = path.with_suffix(".json")
    _write(beside, json.dumps(proof.to_json(), indent=2, allow_nan=False) + "\n")
    _write(path, render(proof, beside.name))
    return path, beside


def render(proof: Proof, json_name: str) -> str:
    """The page as HTML that asks nothing of any other address."""
    first = proof.reports[0]
    data = escape(proof.dataset.name)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>holotype: open-set report, {data}</title>
<style>
{_style()}</style>
</head>
<body>
<main>
{_header(proof)}
{_summary(proof)}
{_promise(proof)}
{_curves(proof)}
{_reliability(proof)}
{mistakes.worst(proof)}
{mistakes.weakest(proof)}
{_claims(proof)}
{_method(proof)}
</main>
<footer>
<p>Measured {escape(proof.date[:10])} with the model pack {escape(proof.model)} (id
{escape(proof.model_id)}) on {data}: {first.pictures:,} pictures of {first.classes:,} classes,
{first.galleries:,} galleries, seed {first.seed}. Every figure, in the terms of ISO/IEC 19795-1,
is in <code>{escape(json_name)}</code>.</p>
{_credit(proof)}
</footer>
</body>
</html>
"""


def _header(proof: Proof) -> str:
    first = proof.reports[0]
    lead = (
        f"{first.enrolled:,} of the {first.classes:,} classes of <bdi>"
        f"{escape(proof.dataset.name)}</bdi> were enrolled, the other {first.strangers:,} came as "
        "strangers. Who could be recognized, and who got in? Again with other classes and other "
        f"examples, {first.galleries:,} galleries in all."
    )
    return f"""<header>
<p class="eyebrow">holotype &middot; open-set report</p>
<h1>{escape(headline(proof))}</h1>
<p class="lead">{lead}</p>
{_facts(proof)}
</header>"""


def _facts(proof: Proof) -> str:
    rate = proof.rate
    if rate is None:
        return ""
    rows = proof.rows(rate)
    facts = [
        _fact(of(1 - row.fnir.value), f"recognized, from {pictures(k_shot)} of each", "right")
        for k_shot, row in rows
        if row.fnir
    ]
    (_, main), *_ = rows
    if main.fpir:
        kind = {"kept": "right", "exceeded": "wrong"}.get(verdict(main), "")
        said = f"of strangers let in, where {one_in(rate)} may be"
        facts.append(_fact(percent(main.fpir.value), said, kind))
    return f'<div class="facts">{"".join(facts)}</div>'


def _fact(number: str, what: str, kind: str) -> str:
    return f'<div class="fact {kind}"><b>{escape(number)}</b><span>{escape(what)}</span></div>'


def _summary(proof: Proof) -> str:
    remarks = "".join(
        f'<li class="{remark.tone}">{_marked(remark.text)}</li>' for remark in summary(proof)
    )
    return f'<section><h2>In plain words</h2><ul class="remarks">{remarks}</ul></section>'


def _promise(proof: Proof) -> str:
    body = []
    for report in proof.reports:
        for i, row in enumerate(report.identification):
            start = ' class="next"' if i == 0 and report is not proof.reports[0] else ""
            body.append(f"<tr{start}>{_row(report, row)}</tr>")
    heads = "".join(
        f'<th scope="col">{name}</th>'
        for name in (
            "examples",
            "stated",
            "strangers let in<small>FPIR</small>",
            "recognized<small>1 &minus; FNIR</small>",
            "missed",
            "taken for another",
            "cannot tell",
            "promise",
        )
    )
    return f"""<section><h2>Stated and measured</h2>
<p>The share of strangers that may be let in is stated; the threshold follows from it, from who is
enrolled, and from the strangers that come with the model. Dots are what was measured here, lines
their 95 % intervals, ticks what was stated.</p>
<div class="scroll wide">{figures.promise(proof)}</div>
<div class="scroll"><table>
<thead><tr>{heads}</tr></thead><tbody>{"".join(body)}</tbody></table></div>
<p class="soft">Small: 95 % intervals over the classes. <em>Recognized</em>, <em>missed</em>,
<em>taken for another</em> and <em>cannot tell</em> are shares of the enrolled probes; all but the
first are misses (FNIR).</p></section>"""


def _row(report: OpenSetReport, row: Identification) -> str:
    cells = [f"<td>{report.k_shot}</td><td>{100 * row.rate:g} %</td>"]
    found = verdict(row)
    if row.fpir and row.fnir and row.taken_for_another and row.cannot_tell:
        missed = row.fnir.value - row.taken_for_another.value - row.cannot_tell.value
        right = Share(1 - row.fnir.value, 1 - row.fnir.high, 1 - row.fnir.low)
        kind = {"kept": "right", "exceeded": "wrong"}.get(found, "")
        cells += [
            f'<td class="{kind}">{percent(row.fpir.value)}<small>{interval(row.fpir)}</small></td>',
            f"<td>{percent(right.value)}<small>{interval(right)}</small></td>",
            f"<td>{percent(max(0.0, missed))}</td>",
            f"<td>{percent(row.taken_for_another.value)}</td>",
            f"<td>{percent(row.cannot_tell.value)}</td>",
        ]
    else:
        cells.append("<td></td>" * 5)
    partly = row.refused and row.galleries
    note = f"<small>refused in {row.refused:,} of {row.refused + row.galleries:,}</small>"
    cells.append(f"<td>{found}{note if partly else ''}</td>")
    return "".join(cells)


def _curves(proof: Proof) -> str:
    cmc = figures.ranks(proof)
    ranked = (
        f"""<div><h3>Which place the right one takes</h3>
<p>Without any threshold: how often the right one is the first, or among the first.</p>
{cmc}</div>"""
        if cmc
        else ""
    )
    return f"""<section><h2>The trade-off</h2>
<div class="pairs"><div><h3>Strict or generous</h3>
<p>The stricter, the fewer strangers get in, and the more of the enrolled are missed. Lines: one
threshold for all galleries; dots: the stated rates.</p>{figures.trade_off(proof)}</div>
{ranked}</div></section>"""


def _reliability(proof: Proof) -> str:
    drawing = figures.reliability(proof)
    if not drawing:
        return ""
    prior = 100 * proof.reports[0].stranger_prior
    return f"""<section><h2>Does 80 % mean 80 %?</h2>
<p>Each answer comes with a probability. On the diagonal, what was stated is what came true. The
owner expects {prior:.0f} % strangers among the probes, and they are weighted so here.</p>
<div class="pairs"><div>{drawing}</div></div></section>"""


def _claims(proof: Proof) -> str:
    body = "".join(
        f"<tr><td>{report.k_shot}</td><td>{100 * row.rate:g} %</td>"
        + (
            f"<td>{percent(row.fmr.value)}<small>{interval(row.fmr)}</small></td>"
            f"<td>{percent(row.fnmr.value)}<small>{interval(row.fnmr)}</small></td>"
            if row.fmr and row.fnmr
            else "<td>refused</td><td></td>"
        )
        + "</tr>"
        for report in proof.reports
        for row in report.verification
    )
    heads = "".join(
        f'<th scope="col">{name}</th>'
        for name in (
            "examples",
            "stated",
            "impostors accepted<small>FMR</small>",
            "genuine refused<small>FNMR</small>",
        )
    )
    return f"""<section><h2>Is it the one it claims to be?</h2>
<p>In each gallery one identity is claimed by every probe, its own and all others
(<code>holotype verify</code>, 1:1).</p>
<div class="pairs"><div>{figures.claims(proof)}</div>
<div class="scroll"><table class="narrow"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody>
</table></div></div></section>"""


def _method(proof: Proof) -> str:
    first, last = proof.reports[0], proof.reports[-1]
    kept = f", of which {pictures(last.k_shot)} are kept from the probes" if last.k_shot > 1 else ""
    return f"""<section><h2>How it was measured</h2>
<p>In each of {first.galleries:,} galleries, {first.enrolled:,} classes are drawn and enrolled with
their first examples out of a random order{kept}; all their other pictures are probes. Every
picture of every other class is a stranger. No class is both in one gallery, no probe is ever an
example, and all numbers of examples meet the same galleries and the same probes.</p>
<p>Pictures of one class stand or fall together, so the intervals come from resampling the classes
of the probes, with one class more that nobody has seen, as good or bad as the best or worst that
was: counting pictures would make them far too narrow. <em>FPIR</em>: share of strangers answered
with anybody. <em>FNIR</em>: share of enrolled probes not answered with their own identity, for
whatever reason. <em>FMR</em>, <em>FNMR</em>: the same for one claimed identity. An answer of
<em>cannot tell</em> counts as missed for the enrolled and as not let in for a stranger.</p>
</section>"""


def _credit(proof: Proof) -> str:
    dataset = proof.dataset
    if not dataset.license:
        return ""
    return f"<p>Pictures: {escape(dataset.name)} ({escape(dataset.license)}, \
{escape(dataset.source)}).</p>"


def _marked(text: str) -> str:
    """Text as HTML; what stands between backticks is a command."""
    return re.sub("`([^`]*)`", r"<code>\1</code>", escape(text))


def _style() -> str:
    """The style of all pages of holotype, and what only this one needs."""
    parts: Sequence[tuple[str, str]] = (("demo", "page.css"), ("report", "report.css"))
    return "".join(
        resources.files(f"holotype.{room}").joinpath(name).read_text(encoding="utf-8")
        for room, name in parts
    )


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        # A file name may hold bytes that are no text; they come out as question marks.
        draft.write_bytes(text.encode("utf-8", "replace"))
        os.replace(draft, path)
    except OSError as error:
        # The name that the caller knows, not the draft's.
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from error
    finally:
        draft.unlink(missing_ok=True)
