"""The report as one self-contained page, and its figures as JSON beside it."""

from __future__ import annotations

import json
from html import escape
from importlib import resources
from pathlib import Path

from holotype.evaluation.groups import LEAST_CLASSES
from holotype.pages import check_ending, document, prose, write
from holotype.report import figures, mistakes
from holotype.report.phrases import interval, percent, pictures, stated
from holotype.report.proof import Proof
from holotype.report.tables import Row, rows
from holotype.report.words import headline, setting, summary, verdict
from holotype.stats.bootstrap import Share

_ENROLLED = ("recognized<small>1 &minus; FNIR</small>", "mistaken", "missed", "cannot tell")
_STRANGERS = ("let in<small>FPIR</small>", "unknown", "cannot tell")


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
    check_ending(path)
    beside = path.with_suffix(".json")
    write(beside, json.dumps(proof.to_json(), indent=2, allow_nan=False) + "\n")
    write(path, render(proof, beside.name))
    return path, beside


def render(proof: Proof, json_name: str) -> str:
    """The page as HTML that asks nothing of any other address."""
    first = proof.reports[0]
    data = escape(proof.dataset.name)
    return document(
        f"holotype: open-set report, {proof.dataset.name}",
        f"""{_header(proof)}
{_summary(proof)}
{_rates(proof)}
{_curves(proof)}
{_reliability(proof)}
{mistakes.worst(proof)}
{mistakes.weakest(proof)}
{_groups(proof)}
{_claims(proof)}
{_method(proof)}""",
        f"""<p>Measured {escape(proof.date[:10])} with the model pack {escape(proof.model)} (id
{escape(proof.model_id)}) on {data}: {first.pictures:,} pictures of {first.classes:,} classes,
{first.galleries:,} galleries, seed {first.seed}. Every figure, in the terms of ISO/IEC 19795-1,
is in <code>{escape(json_name)}</code>.</p>
{_credit(proof)}""",
        resources.files("holotype.report").joinpath("report.css").read_text(encoding="utf-8"),
    )


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
    subject = proof.subject
    if subject is None:
        return ""
    facts = [
        _fact(percent(1 - row.fnir.value), f"recognized, from {pictures(k_shot)} of each", "right")
        for k_shot, row in subject.rows
        if row.fnir
    ]
    (_, main), *_ = subject.rows
    if main.fpir:
        kind = ""
        if subject.rate is not None:
            kind = {"kept": "right", "exceeded": "wrong"}.get(verdict(main), "")
        said = f"of strangers let in, {setting(subject)}"
        facts.append(_fact(percent(main.fpir.value), said, kind))
    return f'<div class="facts">{"".join(facts)}</div>'


def _fact(number: str, what: str, kind: str) -> str:
    return f'<div class="fact {kind}"><b>{escape(number)}</b><span>{escape(what)}</span></div>'


def _summary(proof: Proof) -> str:
    remarks = "".join(
        f'<li class="{remark.tone}">{prose(remark.text)}</li>' for remark in summary(proof)
    )
    return f'<section><h2>In plain words</h2><ul class="remarks">{remarks}</ul></section>'


def _rates(proof: Proof) -> str:
    measured = rows(proof)
    if not measured:
        return ""
    body = []
    for i, row in enumerate(measured):
        start = ' class="next"' if i and row.k_shot != measured[i - 1].k_shot else ""
        body.append(f"<tr{start}>{_row(row)}</tr>")
    names = ("each", "stated", *_STRANGERS, *_ENROLLED, "verdict")
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    return f"""<section><h2>Stated and measured</h2>
<p>A share of strangers is stated; the threshold follows from it, from who is enrolled, and from
what is known of strangers: guaranteed or estimated, by whom the plain words above say. Dots are
what was measured here, lines their 95&nbsp;% intervals, ticks what was stated.</p>
{figures.rates(measured)}
<div class="scroll"><table class="wide">
<thead><tr><th colspan="2"></th><th colspan="{len(_STRANGERS)}">of the strangers</th>
<th colspan="{len(_ENROLLED)}">of the enrolled</th><th></th></tr>
<tr>{heads}</tr></thead><tbody>{"".join(body)}</tbody></table></div>
<p class="soft">With so many pictures of each. Small: 95&nbsp;% intervals over the classes. All of
the enrolled who are not recognized are misses (FNIR); <em>missed</em>: answered
<em>unknown</em>.</p></section>"""


def _row(row: Row) -> str:
    kind = {"kept": "right", "exceeded": "wrong"}.get(row.verdict, "")
    known, note = (f"<small>{text}</small>" if text else "" for text in (row.known, row.note))
    return (
        f"<td>{row.k_shot}</td><td>{row.stated}{known}</td>"
        f'<td class="{kind}">{percent(row.let_in.value)}<small>{interval(row.let_in)}</small></td>'
        f"<td>{percent(row.strangers_unknown)}</td><td>{percent(row.strangers_cannot_tell)}</td>"
        f"<td>{percent(row.recognized.value)}<small>{interval(row.recognized)}</small></td>"
        f"<td>{percent(row.mistaken)}</td><td>{percent(row.missed)}</td>"
        f"<td>{percent(row.cannot_tell)}</td><td>{row.verdict}{note}</td>"
    )


def _groups(proof: Proof) -> str:
    """Each group by itself; of one that is too thin nothing is told."""
    if not proof.groups:
        return ""

    def told(found: Share | None) -> str:
        if found is None:
            return "<td>too thin</td>"
        return f"<td>{percent(found.value)}<small>{interval(found)}</small></td>"

    body = "".join(
        f"<tr><td><bdi>{escape(one.group)}</bdi></td><td>{one.classes:,}</td><td>{k_shot}</td>"
        f"<td>{stated(one.rate)}</td>{told(one.fpir)}{told(one.fnir)}</tr>"
        for k_shot, one in proof.groups
    )
    head = ("group", "people or things", "each", "stated", "strangers let in", "enrolled missed")
    heads = "".join(f'<th scope="col">{name}</th>' for name in head)
    return f"""<section><h2>Each group by itself</h2>
<p>A mean hides whom it fails. Strangers of a group are let in by galleries of all groups. Of fewer
than {LEAST_CLASSES} people or things nothing is told.</p>
<div class="scroll"><table class="wide"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody>
</table></div></section>"""


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
        f"<tr><td>{report.k_shot}</td><td>{stated(row.rate)}</td>"
        f"<td>{percent(row.fmr.value)}<small>{interval(row.fmr)}</small></td>"
        f"<td>{percent(row.fnmr.value)}<small>{interval(row.fnmr)}</small></td></tr>"
        for report in proof.reports
        for row in report.verification
        if row.fmr and row.fnmr
    )
    heads = "".join(
        f'<th scope="col">{name}</th>'
        for name in (
            "each",
            "stated",
            "impostors accepted<small>FMR</small>",
            "genuine refused<small>FNMR</small>",
        )
    )
    table = (
        '<div class="scroll"><table class="narrow">'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
        if body
        else "<p>No stated rate is supported for a claim.</p>"
    )
    return f"""<section><h2>Is it the one it claims to be?</h2>
<p>In each gallery one identity is claimed by every probe, its own and all others
(<code>holotype verify</code>, 1:1).</p>
<div class="pairs"><div>{figures.claims(proof)}</div>
{table}</div></section>"""


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
