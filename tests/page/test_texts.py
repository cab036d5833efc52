"""What the page is made of, without a browser: texts, sizes, and what its policy would forbid."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest

PAGE = files("holotype.server") / "page"
FILES = {one.name: one.read_text("utf-8") for one in PAGE.iterdir()}
TEXTS = {name[6:8]: json.loads(text) for name, text in FILES.items() if name.endswith(".json")}
SCRIPTS = {name: text for name, text in FILES.items() if name.endswith(".js")}
LIMIT_BYTES = 300_000


def test_whole_page_stays_small() -> None:
    assert sum(len(text.encode()) for text in FILES.values()) < LIMIT_BYTES


@pytest.mark.parametrize("language", ["de"])
def test_each_text_is_there_in_each_language_with_the_same_places(language: str) -> None:
    english, other = TEXTS["en"], TEXTS[language]
    assert list(other) == list(english)
    for name, text in english.items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", other[name]))
        assert other[name].strip()


def test_each_text_that_is_asked_for_is_there_and_each_that_is_there_is_asked_for() -> None:
    everything = "\n".join((*SCRIPTS.values(), FILES["index.html"]))
    asked = set(re.findall(r"""\bt\((?:[^()"`]* \? )?"([\w.]+)\"""", everything))
    asked |= set(re.findall(r'data-(?:text|label)="([\w.]+)"', everything))
    assert asked <= set(TEXTS["en"])
    # `answer.${x}.who` stands for any of them.
    made = [
        re.compile(re.sub(r"\\\$\\\{.*?\\\}", r"[\\w.]+", re.escape(one)))
        for one in re.findall(r"`([a-z_]*\.?[^`\s/]*\$\{[^`\s]*)`", everything)
    ]
    for name in TEXTS["en"]:
        plain = name.removesuffix("_one").removesuffix("_heard").removesuffix("_read")
        assert f'"{plain}"' in everything or any(one.fullmatch(plain) for one in made), (
            f"nobody says {name}"
        )


def test_nothing_that_a_strict_policy_forbids_and_no_other_host() -> None:
    document = FILES["index.html"]
    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", document)
    assert all("src=" in one for one in re.findall(r"<script[^>]*>", document))
    for name, text in FILES.items():
        for address in re.findall(r"\w+://[^\s\"'`]+", text):
            assert address == "http://www.w3.org/2000/svg", f"{name} names {address}"
    for name, text in SCRIPTS.items():
        assert "innerHTML" not in text, name
        assert not re.search(r"\beval\(|new Function", text), name
