from __future__ import annotations

import base64
import re
from importlib import resources
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from holotype.pages import meter, prose, tile, write


def shown(html: str) -> Image.Image:
    (data,) = re.findall(r'base64,([^"]*)"', html)
    return Image.open(BytesIO(base64.b64decode(data)))


def classes(html: str) -> set[str]:
    return set(re.findall(r'class="([^"]*)"', html)[0].split())


def test_only_ink_on_paper_is_turned_into_light_ink_on_a_dark_page() -> None:
    drawing = np.full((60, 60), 255, np.uint8)
    drawing[20:30, 10:50] = 0
    scan = np.repeat(np.minimum(drawing, 230)[..., None], 3, axis=2)
    photo = np.full((60, 60, 3), (250, 240, 120), np.uint8)
    night = 255 - drawing
    assert "ink" in classes(tile(drawing, "a"))
    assert "ink" in classes(tile(scan, "a"))
    assert "ink" not in classes(tile(photo, "a"))
    assert "ink" not in classes(tile(night, "a"))
    style = resources.files("holotype.pages").joinpath("page.css").read_text(encoding="utf-8")
    (dark,) = re.findall(r"prefers-color-scheme: dark\) \{\n  \.tile(.*?)\n\}", style, re.S)
    assert ".tile.ink { filter: invert" in dark


def test_a_picture_is_small_and_few_pixels_stay_visible() -> None:
    assert max(shown(tile(np.zeros((900, 300, 3), np.uint8), "a")).size) == 240
    small = tile(np.zeros((8, 8), np.uint8), "a")
    assert shown(small).size == (8, 8)
    assert "coarse" in classes(small)


def test_a_box_is_drawn_where_it_is_told() -> None:
    grey = np.full((200, 200), 128, np.uint8)
    pixels = np.asarray(shown(tile(grey, "a", box=(50, 60, 150, 160))).convert("RGB"), np.int16)
    colored = pixels.max(axis=2) - pixels.min(axis=2) > 60
    assert colored[60:160, 50].mean() > 0.9
    assert colored[60, 50:150].mean() > 0.9
    assert not colored[80:140, 70:130].any()
    assert not colored[:50].any()


def test_names_are_escaped_and_the_meter_stays_in_its_frame() -> None:
    assert '"><script>' not in tile(np.zeros((4, 4), np.uint8), '"><script>')
    assert "width:0.0%" in meter(-0.4, 0.5)
    assert "left:100.0%" in meter(0.2, 1.2)
    assert "<i" not in meter(0.2, None)
    assert prose("<b> `a < b` 5 %") == "&lt;b&gt; <code>a &lt; b</code> 5&nbsp;%"


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write(tmp_path / "a.html", "lone \udcff byte")
    assert (tmp_path / "a.html").read_bytes() == b"lone ? byte"
    with pytest.raises(FileNotFoundError) as error:
        write(tmp_path / "no" / "a.html", "x")
    assert error.value.filename == str(tmp_path / "no" / "a.html")
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]
