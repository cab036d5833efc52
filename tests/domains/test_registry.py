"""What is particular to a kind of things stands in its domain: nobody else asks for the kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from holotype.domains.registry import default_domain, domains, of_pack, owner, typed
from holotype.pack import made_packs, shipped_packs
from holotype.records import Recording

ROOT = Path(__file__).parents[2]
KINDS = "|".join(domains())
PACKS = "|".join(name for one in domains().values() for name in one.packs)
ASKED = re.compile(
    rf"""preprocessing\.kind\s*(?:==|!=|\bin\b|\bnot\b)"""
    rf"""|preprocessing\.own\b|\bif\b.*["'](?:{PACKS})["']"""
    rf"""|\bkind\s*(?:==|!=)\s*["'](?:{KINDS})["']|\bkind\s+(?:not\s+)?in\s*\(["'](?:{KINDS})["']"""
    rf"""|\btakes\s*(?:==|!=)\s*["'](?:recording|text)["']"""
    rf"""|isinstance\([^()]*\b(?:Hearing|Reading)\b"""
)


def asked(source: str) -> int:
    code = re.sub(r'""".*?"""', "", source, flags=re.DOTALL)
    return sum(bool(ASKED.search(line.split("#")[0])) for line in code.splitlines())


def test_nobody_else_compares_kinds() -> None:
    package = ROOT / "src" / "holotype"
    found = {
        path.relative_to(package).as_posix(): count
        for path in sorted(package.rglob("*.py"))
        if "domains" not in path.relative_to(package).parts and (count := asked(path.read_text()))
    }
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        'if preprocessing.kind == "photo":',
        'if pack.card.preprocessing.kind != "face" and bad:',
        'if kind in ("ink", "frame"):',
        'elif kind == "face" and height == 112:',
        'if takes != "text":',
        'if "faces" in packs:',
        "if isinstance(preprocessing.own, Reading):",
    ],
)
def test_a_comparison_is_found(line: str) -> None:
    assert asked(line) == 1


def test_each_pack_that_is_used_by_name_is_of_one_domain() -> None:
    named = [*shipped_packs(), *made_packs()]
    assert sorted(name for one in domains().values() for name in one.packs) == sorted(named)
    assert all(one.made.keys() <= one.packs.keys() for one in domains().values())
    assert {one.usual_pack for one in domains().values()} <= set(named)
    assert of_pack("signatures") is default_domain()


def test_a_source_is_of_the_domain_that_it_looks_like(tmp_path: Path) -> None:
    assert owner(tmp_path / "said.txt") is typed() is domains()["text"]
    assert owner(Recording([0.0], 16_000)) is domains()["voice"]  # type: ignore[arg-type]
    assert owner(b"RIFF\0\0\0\0WAVEfmt ") is domains()["voice"]
    assert owner(tmp_path / "drawing.png") is None
