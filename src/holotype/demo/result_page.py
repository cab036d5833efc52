"""The page: one self-contained file with the drawings, the answers and the mistakes."""

from __future__ import annotations

from html import escape
from pathlib import Path

from holotype.demo.drawings import answer_card, histogram
from holotype.demo.measurement import Demo, Figures, Part
from holotype.demo.outcomes import Outcome
from holotype.demo.showcase import Shown, Verdict, showcase
from holotype.demo.story import STATED, cells, each, part_words, share, stated
from holotype.pages import document, prose, tile, write

_HEADLINE = "One drawing each."
# Mistakes shown of each kind; how many there were stands above them.
_MOST_MISTAKES = 10
_ENROLLED = ("recognized", "mistaken", "missed", "cannot tell")
_STRANGERS = ("accepted", "unknown", "cannot tell")
_INTRODUCTION = {
    "characters": (
        "None of these characters, nor any other of their two alphabets, was among those that the "
        "model learned from. The {known} below come from the pen of one person; everybody else's "
        "drawings are the probes, and the other {strangers} characters of the same alphabets play "
        "the strangers."
    ),
    "digits": (
        "A source that the model has nothing to do with: digits of 8 x 8 pixels, "
        "from other pens and another scanner. {known} of the ten are enrolled, the other "
        "{strangers} are strangers. As one choice of digits says little, {galleries} galleries "
        "were made, each of other digits and other examples; the first of them is shown."
    ),
}
_TRY = """holotype enroll desk.gallery "Ada" ada.png
holotype identify desk.gallery probe.png --fpir 0.01"""


def write_page(demo: Demo, path: Path) -> Path:
    """Write the page, whole or not at all.

    Args:
        demo: what was measured.
        path: where to; a file that is there is replaced.

    Returns:
        The path.

    Raises:
        OSError: it cannot be written.
    """
    write(path, render(demo))
    return path


def render(demo: Demo) -> str:
    """The page as HTML that asks nothing of any other address."""
    card = demo.card
    return document(
        f"holotype: {_HEADLINE}",
        f"""{_header(demo.parts[0])}
{"".join(_part(part) for part in demo.parts)}
<h2>Your own</h2>
<p>One picture defines a class. A gallery is one file; the threshold follows from the rate that
you state, and from who is enrolled.</p>
<pre><code>{escape(_TRY)}</code></pre>""",
        f"""<p>Measured in {demo.seconds:.0f} seconds with the model pack {escape(card.name)}
(id {escape(card.model_id)}) through the command line's own Recognizer; no figure on this page was
stored beforehand. <code>holotype demo</code> measures it again.</p>
{"".join(f"<p>{escape(part.plan.credit)}.</p>" for part in demo.parts)}""",
    )


def _header(part: Part) -> str:
    shown = showcase(part)
    lead = (
        f"A program was shown one drawing of each of {len(shown.trial.labels)} characters of two "
        f"alphabets that it had never seen. Then it was asked about {shown.known_probes} drawings "
        f"of them by other people, and about {shown.stranger_probes} of characters that nobody had "
        "shown to it."
    )
    row = _row(part, shown)
    facts = "" if row is None else _facts(row, part)
    return f"""<header>
<p class="eyebrow">holotype &middot; one-shot recognition</p>
<h1>{_HEADLINE}</h1>
<p class="lead">{lead}</p>
{facts}
</header>"""


def _facts(row: Figures, part: Part) -> str:
    """All that became of the enrolled, and how many strangers got in."""
    facts = [
        _fact(share(row.recognized), "recognized, from one drawing", "right"),
        _fact(share(row.missed), "missed: too unlike its drawing to be sure", ""),
        _fact(share(row.taken_for_another), "taken for another character", ""),
    ]
    if row.cannot_tell:
        facts.append(_fact(share(row.cannot_tell), "answered with cannot tell", ""))
    accepted = f"of strangers accepted, at a stated {stated(row.rate)}"
    if row.known == ("guaranteed",):
        accepted = f"of strangers accepted; {stated(row.rate)} on average is guaranteed"
    facts.append(_fact(share(row.strangers_accepted), accepted, "right" if row.kept else "wrong"))
    return f"""<div class="facts">{"".join(facts)}</div>
{_other_rates(row, part)}
<p class="soft">Averages of {len(part.plan.trials)} such galleries; the first is shown below.</p>"""


def _other_rates(shown: Figures, part: Part) -> str:
    """What more drawings bring, and what a stricter rate costs."""
    measured = [row for row in part.rows if row.refused is None]
    more = [row for row in measured if row.rate == shown.rate and row.k_shot > shown.k_shot]
    brings = [f"{share(row.recognized)} from {each(row.k_shot)}" for row in more]
    text = [f"More drawings of each bring more: {' and '.join(brings)}."] if brings else []
    for rate in sorted({row.rate for row in measured if row.rate < shown.rate}, reverse=True):
        costs = [
            f"{share(row.recognized)} from {each(row.k_shot)}"
            for row in measured
            if row.rate == rate
        ]
        let_in = next(row.strangers_accepted for row in measured if row.rate == rate)
        text.append(
            f"Strictness costs: at a stated {stated(rate)} of strangers, {share(let_in)} were "
            f"accepted; recognized were {', '.join(costs)}."
        )
    return f"<p>{prose(' '.join(text))}</p>" if text else ""


def _fact(number: str, what: str, kind: str) -> str:
    return f'<div class="fact {kind}"><b>{number}</b><span>{what}</span></div>'


def _part(part: Part) -> str:
    shown = showcase(part)
    trial = shown.trial
    introduction = _INTRODUCTION[part.plan.key].format(
        known=len(trial.labels),
        strangers=shown.stranger_kinds,
        galleries=len(part.plan.trials),
    )
    sheet = "".join(
        f"<li>{tile(examples[0], label)}<div class='name'>{escape(label)}</div></li>"
        for label, examples in zip(trial.labels, trial.examples, strict=True)
    )
    return f"""<section>
<h2>{escape(part.plan.title)}</h2>
<p>{introduction}</p>
<h3>Enrolled, one drawing each</h3>
<ul class="sheet">{sheet}</ul>
{_answers(shown) if shown.verdicts else ""}
<h3>All figures</h3>
{_table(part)}
{_meaning(part)}
</section>
"""


def _answers(shown: Shown) -> str:
    trial, rate = shown.trial, stated(shown.rate)
    picked = "".join(answer_card(verdict, trial) for verdict in shown.picked_known)
    strangers = "".join(answer_card(verdict, trial) for verdict in shown.picked_strangers)
    return f"""<h3>Asked about other drawings</h3>
<p>Picked at random, as many of each, at a stated {rate} of strangers. Left the probe, right
the enrolled drawing that is most like it; the bar is their similarity, the tick the threshold.</p>
<ul class="answers">{picked}</ul>
<h3>Strangers</h3>
<p>They belong to nobody enrolled, so the right answer is <em>unknown</em>; <em>cannot tell</em>
lets nobody in either. Right, pale: what they resemble most.</p>
<ul class="answers">{strangers}</ul>
<h3>Where the line runs</h3>
<p>Every probe of this gallery by its best similarity. The threshold was not tuned on
them: it follows from the stated rate, from who is enrolled, and from what is known of
strangers.</p>
{histogram(shown)}
{_mistakes(shown)}"""


def _mistakes(shown: Shown) -> str:
    groups: tuple[tuple[str, Outcome, int, str], ...] = (
        ("Taken for another", "taken for another", shown.known_probes, "probes of enrolled"),
        ("Strangers accepted", "accepted", shown.stranger_probes, "strangers"),
        ("Missed", "missed", shown.known_probes, "probes of enrolled"),
        ("Enrolled, cannot tell", "cannot tell", shown.known_probes, "probes of enrolled"),
        ("Strangers, cannot tell", "stranger, cannot tell", shown.stranger_probes, "strangers"),
    )
    sections = []
    for title, outcome, total, among in groups:
        verdicts = shown.of(outcome)
        few = verdicts[:_MOST_MISTAKES]
        note = f"; the {len(few)} most similar" if len(few) < len(verdicts) else ""
        sections.append(
            f"<p><b>{title}: {len(verdicts)}</b> of {total} {among}{note}.</p>" + _cards(few, shown)
        )
    return f"<h3>What went wrong in this gallery</h3>{''.join(sections)}"


def _cards(verdicts: tuple[Verdict, ...], shown: Shown) -> str:
    if not verdicts:
        return ""
    cards = "".join(answer_card(verdict, shown.trial) for verdict in verdicts)
    return f'<ul class="answers">{cards}</ul>'


def _table(part: Part) -> str:
    rows = []
    before = part.rows[0].k_shot
    for row in part.rows:
        if row.refused is not None:
            continue
        first, rate, *enrolled, accepted, unknown, unclear = cells(row)
        kind = "right" if row.kept else "wrong"
        interval = f"<small>{row.accepted_low:.1f} to {row.accepted_high:.1f} %</small>"
        known = f"<small>{' or '.join(row.known)}</small>" if row.known else ""
        start = "<tr>" if row.k_shot == before else '<tr class="next">'
        rows.append(
            start
            + f"<td>{first}</td><td>{rate}{known}</td>"
            + "".join(f"<td>{cell}</td>" for cell in enrolled)
            + f'<td class="{kind}">{accepted}{interval}</td><td>{unknown}</td><td>{unclear}</td>'
            + "</tr>"
        )
        before = row.k_shot
    if not rows:
        return ""
    heads = "".join(f"<th>{name}</th>" for name in ("each", "stated", *_ENROLLED, *_STRANGERS))
    return f"""<div class="scroll"><table>
<thead><tr><th colspan="2"></th><th colspan="{len(_ENROLLED)}">of the enrolled</th>
<th colspan="{len(_STRANGERS)}">of the strangers</th></tr>
<tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>
<p class="soft">Averages of {len(part.plan.trials)} galleries, with one, two or five drawings of
each. {STATED} Under it stands how well that is known, and below the table by whom. Under the
strangers accepted stands the 95 % interval over their classes.</p>"""


def _meaning(part: Part) -> str:
    failed = any(row.refused is None and not row.kept for row in part.rows)
    paragraphs = "".join(f"<p>{prose(text)}</p>" for text in part_words(part))
    return f'<div class="meaning{" failed" if failed else ""}">{paragraphs}</div>'


def _row(part: Part, shown: Shown) -> Figures | None:
    """The row that belongs to the gallery shown."""
    for row in part.rows:
        if row.k_shot == 1 and row.rate == shown.rate and row.refused is None:
            return row
    return None
