"""The page of `status --report`: what impostors reach in a gallery, and where thresholds lie."""

from __future__ import annotations

from markupsafe import Markup

from holotype.pages import Bars, Cut, histograms, page
from holotype.records import ScoreHistogram, Scores, Status
from holotype.report.phrases import stated


def status_page(found: Status, reached: Scores, gallery: str) -> str:
    """The page as HTML that asks nothing of any other address.

    Args:
        found: what the gallery can say of strangers.
        reached: what they reach.
        gallery: what the page calls the gallery.
    """
    return page(
        "report/status.html",
        found=found,
        rows=[(_title(one), one) for one in reached.histograms],
        plot=_plot(reached) if reached.edges else None,
        gallery=gallery,
        stated=stated,
    )


def _plot(reached: Scores) -> Markup:
    rows = [
        Bars(_title(one), one.shares, "own" if one.source == "enrolled" else "other")
        for one in reached.histograms
    ]
    cuts = [
        Cut(one.threshold, stated(one.rate), one.known or "")
        for one in reached.rates
        if one.threshold is not None
    ]
    return histograms("How alike strangers are; the table says it too", reached.edges, rows, cuts)


def _title(one: ScoreHistogram) -> str:
    return {
        "enrolled": f"{one.count:,} enrolled, to the nearest other one",
        "site": f"{one.count:,} strangers of yours",
        "cohort": f"{one.count:,} classes that the model did not learn from",
        "unlabeled": f"{one.count:,} who came by, on unlabeled pictures",
        "asked": f"{one.count:,} asked about lately, to the second nearest",
    }[one.source]
