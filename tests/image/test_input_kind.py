"""What kind a picture is of: drawings pass, and what is none is told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from sklearn.datasets import load_sample_images

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.speech import log_mel
from holotype.image.decode import decode
from holotype.image.input_kind import PLAINLY, _quantile, another_kind, impression
from holotype.image.pixels import Picture
from holotype.preprocessing import Preprocessing
from toy_packs import toy_drawing

INK = Preprocessing("ink", size_px=48, margin_px=4)
NAMES = Preprocessing("ink", size_px=96, margin_px=2, fit="wide")
PHOTO = Preprocessing("photo", 32, 0, 3, "stretch", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def seen(source: np.ndarray) -> Picture:
    return Picture(decode(source))


def told(pictures: list[np.ndarray], preprocessing: Preprocessing = INK) -> float:
    return float(np.mean([another_kind(seen(p), preprocessing) is not None for p in pictures]))


def samples() -> list[np.ndarray]:
    return list(load_dataset("sample").images[:][::4])


def on_paper(drawing: np.ndarray, seed: int) -> np.ndarray:
    """A photograph of a drawing: shade, grain, the color of a pen and of a lamp."""
    rng = np.random.default_rng(seed)
    large = Image.fromarray(drawing).resize((300, 300)).filter(ImageFilter.GaussianBlur(1))
    ink = 1 - np.asarray(large, np.float32)[:, :, None] / 255
    light = 0.8 + 0.08 * np.mgrid[:300, :300][seed % 2] / 300 + rng.normal(0, 0.015, (300, 300))
    paper, pen = np.array([1, 0.98, 0.92]), np.array([0.1, 0.15, 0.45])
    return (255 * np.clip(light[:, :, None] * (paper + ink * (pen - paper)), 0, 1)).astype(np.uint8)


def in_pencil(drawing: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    ink = 1 - np.asarray(Image.fromarray(drawing).resize((250, 250)), np.float32) / 255
    waves = Image.fromarray(rng.integers(0, 256, (5, 5), dtype=np.uint8)).resize((250, 250))
    pressed = 0.5 + 0.4 * np.asarray(waves, np.float32) / 255
    rubbed = rng.uniform(0.8, 1, ink.shape)
    return (255 * (0.95 - 0.7 * ink * pressed * rubbed)).astype(np.uint8)


def page(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    size, lines = int(rng.integers(10, 28)), int(rng.integers(4, 25))
    font = ImageFont.load_default(size)
    sheet = Image.new("L", (500, 30 + 2 * size * lines), 255)
    for line in range(lines):
        words = " ".join("".join(rng.choice(list("etaoinshr"), 5)) for _ in range(20))
        ImageDraw.Draw(sheet).text((12, 12 + 1.5 * size * line), words, fill=0, font=font)
    return np.asarray(sheet)


def spectrogram(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(8000) / 8000
    tone = sum(np.sin(2 * np.pi * rng.uniform(100, 250) * n * time) / n for n in range(1, 9))
    sound = tone * np.sin(np.pi * time) ** 2 + rng.normal(0, 0.05, 8000)
    return log_mel(sound, 8000)


def photographs() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    tiles = []
    for scene in load_sample_images().images:
        for _ in range(20):
            top, left = rng.integers(0, 250), rng.integers(0, 400)
            tiles.append(scene[top : top + 170, left : left + 200])
    return tiles


@pytest.mark.parametrize(
    "change",
    [
        lambda drawing, seed: drawing,
        lambda drawing, seed: 255 - drawing,
        lambda drawing, seed: np.asarray(Image.fromarray(drawing).filter(ImageFilter.MinFilter(7))),
        lambda drawing, seed: np.asarray(Image.fromarray(drawing).resize((900, 900))),
        lambda drawing, seed: 255 - np.asarray(Image.fromarray(drawing).resize((28, 28))),
        on_paper,
        in_pencil,
    ],
    ids=["clean", "negative", "thick", "large", "28 px", "photographed", "pencil"],
)
def test_drawings_pass(change: Callable[[np.ndarray, int], np.ndarray]) -> None:
    drawings = [change(drawing, seed) for seed, drawing in enumerate(samples())]
    most = 0.03 if change is in_pencil else 0.01  # rubbed graphite has tones as well
    assert told(drawings) <= most
    assert told(drawings, NAMES) <= most
    plainly = [another_kind(seen(drawing), INK) for drawing in drawings]
    assert np.mean([found is not None and found.plainly for found in plainly]) <= 0.01


def test_tiny_digits_and_toy_drawings_pass() -> None:
    assert told(list(load_dataset("digits").images)) == 0
    assert told([toy_drawing(c) for c in range(100)]) == 0


@pytest.mark.parametrize(
    ("pictures", "kind"),
    [
        (photographs, "tones"),
        (lambda: [page(seed) for seed in range(40)], "page"),
        (lambda: [spectrogram(seed) for seed in range(40)], "tones"),
        (lambda: [1 - spectrogram(seed) for seed in range(40)], "tones"),
    ],
    ids=["photographs", "pages", "spectrograms", "dark on light"],
)
def test_what_is_no_drawing_is_told(pictures: Callable[[], list[np.ndarray]], kind: str) -> None:
    shown = pictures()
    assert told(shown) >= 0.95
    assert told(shown, NAMES) >= 0.95
    kinds = [impression(seen(picture)).kind for picture in shown]
    assert kinds.count(kind) >= 0.9 * len(kinds)


@pytest.mark.data
@pytest.mark.parametrize(("name", "every"), [("orl", 4), ("neu", 18), ("grocery-val", 3)])
def test_real_photographs_are_told(name: str, every: int) -> None:
    images = load_dataset(name).images
    shown = [seen(images[row]) for row in range(0, len(images), every)]
    assert np.mean([another_kind(one, INK) is not None for one in shown]) >= 0.95


@pytest.mark.data
def test_spectrograms_of_speech_are_told_from_photographs_and_steel_is_not() -> None:
    spoken, steel = (load_dataset(name).images for name in ("fsdd", "neu"))
    told_spoken = told(list(spoken[range(0, len(spoken), 50)]), PHOTO)
    assert told_spoken >= 0.9
    assert told([steel[row] for row in range(0, len(steel), 18)], PHOTO) <= 0.1


@pytest.mark.data
def test_signatures_pass() -> None:
    found = [another_kind(seen(p), NAMES) for p in load_dataset("cedar").images[::20]]
    assert np.mean([one is not None for one in found]) <= 0.03
    assert np.mean([one is not None and one.plainly for one in found]) <= 0.01


def test_a_reason_says_what_it_is_what_is_read_and_what_helps() -> None:
    found = another_kind(seen(photographs()[0]), INK)
    assert found is not None
    assert found.plainly
    assert found.packs == ("objects", "faces")
    assert found.reason.code == "another_kind"
    assert "looks like a photograph" in found.reason.text
    assert "reads drawings in ink on paper. The pack `objects` reads" in found.reason.text
    print_ = another_kind(seen(page(0)), INK)
    assert print_ is not None
    assert print_.packs == ()
    assert "page of print" in print_.problem


def test_what_rather_is_another_kind_has_a_code_of_its_own() -> None:
    # A drawing that fades into a photograph: somewhere between the two the doubt begins.
    tile = photographs()[0].mean(axis=2)[:160, :160] / 255
    drawing = np.asarray(Image.fromarray(toy_drawing(3)).resize((160, 160)), np.float64) / 255
    codes = []
    for share in np.linspace(0, 1, 41):
        found = another_kind(seen(share * tile + (1 - share) * drawing), INK)
        codes.append(found.reason.code if found else "")
    assert codes[0] == ""
    assert codes[-1] == "another_kind"
    assert "perhaps_another_kind" in codes


def test_a_model_of_photographs_doubts_drawings_and_pages_and_never_plainly() -> None:
    for picture in (toy_drawing(1, side_px=105), page(1)):
        found = another_kind(seen(picture), PHOTO)
        assert found is not None
        assert not found.plainly
        assert found.packs[0] == "characters"
    assert told(photographs(), PHOTO) == 0


def in_colors(seed: int) -> np.ndarray:
    """From blue over green to red, as programs show spectrograms."""
    level = spectrogram(seed)[:, :, None]
    return np.asarray(255 * np.clip(1.5 - abs(4 * level - [3, 2, 1]), 0, 1), np.uint8)


def white(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (90 + seed, 120), dtype=np.uint8)


def stripes(seed: int) -> np.ndarray:
    across = 0.3 + 0.05 * seed
    return (127 + 120 * np.sin(np.mgrid[:100, :130][seed % 2] * across)).astype(np.uint8)


@pytest.mark.parametrize(
    ("shown", "says", "packs"),
    [
        (in_colors, "a spectrogram", ("voices", "words")),
        (white, "no camera took", ()),
        (stripes, "no camera took", ()),
    ],
    ids=["spectrograms", "noise", "stripes"],
)
def test_a_model_of_photographs_tells_what_no_camera_took(
    shown: Callable[[int], np.ndarray], says: str, packs: tuple[str, ...]
) -> None:
    found = [another_kind(seen(shown(seed)), PHOTO) for seed in range(30)]
    told = [one for one in found if one is not None]
    assert len(told) >= 0.95 * len(found)
    assert not any(one.plainly for one in told)
    assert sum(says in one.problem and one.packs == packs for one in told) >= 0.8 * len(told)


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (17, 400), (9, 1200), (20, 5000), (16, 16)])
def test_a_model_of_photographs_judges_a_strip_of_any_length(shape: tuple[int, int]) -> None:
    for channels in (1, 3):
        pixels = np.random.default_rng(0).random((*shape, channels), dtype=np.float32)
        found = another_kind(Picture(pixels), PHOTO)
        assert found is None or not found.plainly


def test_other_kinds_of_preprocessing_are_not_judged() -> None:
    frame = Preprocessing("frame", size_px=28, margin_px=0)
    face = Preprocessing("face", 32, 0, 3, "stretch", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert told(photographs()[:3], frame) == told(photographs()[:3], face) == 0


def test_a_blank_is_of_no_kind() -> None:
    blank = seen(np.full((50, 50), 200, np.uint8))
    assert impression(blank).kind == "blank"
    assert another_kind(blank, INK) is None


def test_the_size_of_a_picture_and_its_dtype_hardly_matter() -> None:
    photo = photographs()[0]
    small = impression(seen(photo)).departures.sum
    large = impression(seen(np.kron(photo, np.ones((4, 4, 1), np.uint8)))).departures.sum
    floats = impression(seen(photo.astype(np.float32) / 255)).departures.sum
    assert floats == pytest.approx(small, rel=0.02)
    assert large > PLAINLY


@pytest.mark.parametrize("share", [0.9, 0.98])
def test_a_quantile_is_that_of_numpy_to_the_last_bit(share: float) -> None:
    rng = np.random.default_rng(0)
    for count in [*range(1, 60), *rng.integers(60, 9000, 200)]:
        values = rng.random(count, dtype=np.float32)
        tones = np.round(values * 20) / np.float32(20)
        assert _quantile(values, share) == np.quantile(values, share)
        assert _quantile(tones, share) == np.quantile(tones, share)
