"""A pack's view of a reference, beside its kin; and the sheets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from holotype.domains.strokes.kin import imagine_kin
from holotype.domains.strokes.sheets import CELL_PX, kin_sheet, write_sheet
from holotype.errors import AnotherKindError, DataError, PackError
from holotype.pack import load_pack, write_pack
from holotype.preprocessing import Preprocessing
from toy_packs import make_toy_pack, toy_drawing, toy_parts

FIGURE = np.zeros((60, 60), np.uint8)


def test_every_reference_gets_its_kin(tmp_path: Path) -> None:
    pack = load_pack(make_toy_pack(tmp_path / "toy"))
    found = imagine_kin(pack, [toy_drawing(1), toy_drawing(2)], 3, seed=1, size_px=60)
    assert [one.pictures.shape for one in found] == [(3, 60, 60)] * 2
    assert all(one.reference.shape == (60, 60) for one in found)
    # The kin lie where the reference does.
    for one in found:
        apart = [np.argwhere(p < 128).mean(0) for p in (one.reference, one.pictures.min(0))]
        np.testing.assert_allclose(*apart, atol=15)


def test_a_poor_drawing_is_drawn_from_with_a_warning(tmp_path: Path) -> None:
    pack = load_pack(make_toy_pack(tmp_path / "toy"))
    faint = 255 - (255 - toy_drawing(1, side_px=105)) // 12
    (found,) = imagine_kin(pack, [faint], 1)
    assert "low_quality_contrast" in {warning.code for warning in found.warnings}
    assert found.pictures.shape == (1, 105, 105)


def test_what_is_plainly_no_drawing_is_refused(tmp_path: Path) -> None:
    pack = load_pack(make_toy_pack(tmp_path / "toy"))
    noise = np.random.default_rng(0).integers(0, 256, (60, 60)).astype(np.uint8)
    with pytest.raises(AnotherKindError, match=r"picture 2 of 2.*many tones"):
        imagine_kin(pack, [toy_drawing(1), noise], 1)


def test_a_pack_of_whole_frames_has_no_generator(tmp_path: Path) -> None:
    parts = toy_parts() | {"preprocessing": Preprocessing("frame", 16, 0)}
    pack = write_pack(tmp_path / "frames", **parts)
    with pytest.raises(PackError, match="has no generator") as caught:
        imagine_kin(pack, [toy_drawing(1)], 1)
    assert "characters" in caught.value.remedy


@pytest.mark.parametrize(("kin", "columns", "lines"), [(1, 1, 2), (20, 10, 2), (31, 10, 4)])
def test_a_sheet_is_as_large_as_its_kin_need(kin: int, columns: int, lines: int) -> None:
    sheet = kin_sheet([(FIGURE, np.repeat(FIGURE[None], kin, 0))])
    assert sheet.width == pytest.approx((columns + 2) * (CELL_PX + 12) + 36, abs=24)
    assert sheet.height == pytest.approx(lines * (CELL_PX + 12) + 24, abs=24)


def test_a_sheet_never_replaces_anything(tmp_path: Path) -> None:
    sheet = kin_sheet([(FIGURE, FIGURE[None])])
    out = write_sheet(sheet, tmp_path / "sheet.png")
    before = out.read_bytes()
    with pytest.raises(DataError, match="exists already"):
        write_sheet(sheet, out)
    assert out.read_bytes() == before
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        write_sheet(sheet, tmp_path / "folder.png")
    with pytest.raises(DataError, match=r"does not end in \.png"):
        write_sheet(sheet, tmp_path / "sheet.jpg")
    with pytest.raises(OSError):
        write_sheet(sheet, tmp_path / "missing" / "sheet.png")
