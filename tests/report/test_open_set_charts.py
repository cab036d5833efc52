from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.report.charts import HEIGHT, WIDTH, Axis, Line, Mark, chart, decades, even_ticks


def axis(low: float = 0, high: float = 1, log: bool = False) -> Axis:
    return Axis("x < y", low, high, (low, high), lambda value: f"{value:g}", log)


def test_an_axis_places_and_clips() -> None:
    assert [axis(0, 4).at(v) for v in (-1, 0, 1, 4, 9)] == [0, 0, 0.25, 1, 1]
    logarithmic = axis(0.001, 1, log=True)
    assert [logarithmic.at(v) for v in (0, 0.001, 0.01, 1, 5)] == pytest.approx([0, 0, 1 / 3, 1, 1])


def test_ticks_are_round() -> None:
    assert decades(0.001, 1) == pytest.approx((0.001, 0.01, 0.1, 1))
    assert even_ticks(1) == (0, 0.2, 0.4, 0.6, 0.8, 1.0)
    assert even_ticks(0.35) == (0, 0.1, 0.2, 0.3)
    assert even_ticks(1, 0.9) == (0.9, 0.92, 0.94, 0.96, 0.98, 1.0)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.001, 1000), st.floats(0, 0.95))
def test_ticks_lie_within_and_are_few(high: float, part: float) -> None:
    low = high * part
    ticks = even_ticks(high, low)
    assert 1 <= len(ticks) <= 6
    slack = 1e-6 * high
    assert all(low - slack <= tick <= high + slack for tick in ticks)


def test_a_chart_escapes_its_texts_and_stays_in_its_frame() -> None:
    drawn = chart(
        "A < B",
        "less & more",
        axis(),
        axis(),
        [
            Line([(0.0, 0.0), (0.5, 2.0)], "one <", "shots1"),
            Line([(0.0, 1.0), (1.0, 1.0)], "two", "shots2", steps=True),
        ],
        [Mark((0.5, 0.5), "shots1", "here & now", (0.4, 7.0), (-1.0, 0.6))],
        diagonal=True,
    )
    root = ElementTree.fromstring(drawn)
    assert root.findtext("title") == "A < B"
    assert root.findtext("desc") == "less & more"
    for node in root.iter():
        for name in ("x", "x1", "x2", "cx"):
            assert 0 <= float(node.get(name, 0)) <= WIDTH
        for name in ("y", "y1", "y2", "cy"):
            assert 0 <= float(node.get(name, 0)) <= HEIGHT
    assert len(root.findall(".//text[@class='key']")) == 2


def test_nothing_that_is_drawn_reaches_the_key() -> None:
    lines = [Line([(0, 1), (1, 1)], str(i), "") for i in range(4)]
    marks = [Mark((0.5, 0.99), "", "high", (0.0, 1.0), (0.9, 5.0))]
    root = ElementTree.fromstring(chart("n", "d", axis(), axis(), lines, marks))
    key = max(float(node.get("y", 0)) for node in root.findall(".//text[@class='key']"))
    whiskers = [n for n in root.findall(".//line") if "whisker" in n.get("class", "")]
    drawn = [float(n.get(end, 0)) for n in whiskers for end in ("y1", "y2")]
    drawn += [float(n.get("cy", 0)) for n in root.findall(".//circle")]
    assert len(drawn) == 5
    assert key < min(drawn)


def test_a_chart_is_no_wider_than_a_phone_and_cuts_off_no_text() -> None:
    assert WIDTH <= 430
    share = Axis("strangers", 0.001, 1, (0.001, 0.01, 0.1, 1), lambda v: f"{100 * v:g} %", True)
    lines = [Line([(0.1, 0.1), (1, 1)], f"{k} pictures", "") for k in (1, 2, 5)]
    root = ElementTree.fromstring(chart("n", "d", share, share, lines))
    for text in root.findall(".//text"):
        if text.get("transform"):
            continue
        width = 7.3 * len(text.text or "")  # of 13 px, generously
        back = {"start": 0, "middle": width / 2, "end": width}[text.get("text-anchor", "start")]
        left = float(text.get("x", 0)) - back
        assert left >= 0, text.text
        assert left + width <= WIDTH, text.text


def test_a_single_line_needs_no_key() -> None:
    drawn = chart("n", "d", axis(), axis(), [Line([(0, 0), (1, 1)], "alone", "")])
    assert 'class="key"' not in drawn
