"""Pictures of known kinds, to choose the limits of the check of the input and to test it.

Each source has two parts that share nothing: `development`, on which features and limits were
chosen, and `held out`, which is looked at for the result alone.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

import foreign
import own_strangers
from holotype.datasets.catalogue import load_dataset
from holotype.datasets.dataset import data_folder
from holotype.datasets.speech import log_mel, read_wave
from holotype.datasets.splits import split

Picture = NDArray[np.uint8]  # [H, W] or [H, W, 3]
DEVELOPMENT, HELD_OUT = "development", "held out"

_LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
_COLORS = ("viridis", "magma", "jet")


# -- ink ------------------------------------------------------------------------------------------


@cache
def _omniglot(part: str) -> Any:
    chosen = ("background",) if part == DEVELOPMENT else ("evaluation",)
    return split(load_dataset("omniglot"), *chosen)


def _drawing(part: str, rng: np.random.Generator) -> Picture:
    images = _omniglot(part).images
    return np.asarray(images[np.array([rng.integers(len(images))])][0])


def thick(picture: Picture, rng: np.random.Generator) -> Picture:
    width = int(rng.choice([5, 7, 9]))
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.MinFilter(width)))


def large(picture: Picture, rng: np.random.Generator) -> Picture:
    side = int(rng.integers(300, 1200))
    scan = np.full((side, side), 255, np.uint8)
    drawn = int(side * rng.uniform(0.3, 0.9))
    top, left = rng.integers(0, side - drawn + 1, 2)
    small = Image.fromarray(picture).resize((drawn, drawn), Image.Resampling.BICUBIC)
    scan[top : top + drawn, left : left + drawn] = np.asarray(small)
    return scan


def white_on_black(picture: Picture, rng: np.random.Generator) -> Picture:
    return 255 - picture


def twenty_eight(picture: Picture, rng: np.random.Generator) -> Picture:
    thicker = np.asarray(Image.fromarray(picture).filter(ImageFilter.MinFilter(5)))
    return 255 - np.asarray(Image.fromarray(thicker).resize((28, 28), Image.Resampling.BOX))


def photographed(picture: Picture, rng: np.random.Generator) -> Picture:
    """On real paper: shade across it, grain, no pure white, colors of pen and lamp, JPEG."""
    side = int(rng.integers(200, 700))
    drawn = Image.fromarray(picture).resize((side, side))
    drawn = drawn.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, side / 200)))
    ink = 1 - np.asarray(drawn, np.float32) / 255
    down, right = np.mgrid[:side, :side] / side - 0.5
    angle, shade = rng.uniform(0, 6.3), rng.uniform(0, 0.12)
    light = 1 + shade * (np.cos(angle) * down + np.sin(angle) * right)
    light = light * rng.uniform(0.6, 0.95) + rng.normal(0, rng.uniform(0, 0.025), (side, side))
    paper = np.array([1, 1, 1]) - rng.uniform(0, 0.12) * np.array([0, 0.3, 1])
    pen = np.array([[0.1, 0.1, 0.1], [0.1, 0.15, 0.5], [0.5, 0.1, 0.1]])[rng.integers(3)]
    tones = light[:, :, None] * (paper + ink[:, :, None] * (pen - paper))
    return _jpeg(np.clip(255 * tones, 0, 255).astype(np.uint8), rng)


def pencil(picture: Picture, rng: np.random.Generator) -> Picture:
    """Strokes that are pressed harder here and softer there, on paper with a grain."""
    side = int(rng.integers(120, 500))
    drawn = Image.fromarray(picture).resize((side, side)).filter(ImageFilter.GaussianBlur(1))
    ink = 1 - np.asarray(drawn, np.float32) / 255
    waves = Image.fromarray(rng.integers(0, 256, (6, 6), dtype=np.uint8))
    pressed = np.asarray(waves.resize((side, side), Image.Resampling.BICUBIC), np.float32) / 255
    rubbed = rng.uniform(0.75, 1, (side, side))
    ink = ink * (rng.uniform(0.5, 0.7) + 0.4 * pressed) * rubbed
    return _jpeg(np.clip(255 * (0.95 - 0.7 * ink), 0, 255).astype(np.uint8), rng)


def poorly_lit(picture: Picture, rng: np.random.Generator) -> Picture:
    """A shadow across the paper, grain, little contrast."""
    side = int(rng.integers(150, 500))
    drawn = Image.fromarray(picture).resize((side, side)).filter(ImageFilter.GaussianBlur(1.5))
    ink = 1 - np.asarray(drawn, np.float32) / 255
    down, right = np.mgrid[:side, :side] / side - rng.uniform(0.2, 0.8)
    angle = rng.uniform(0, 6.3)
    edge = (np.cos(angle) * down + np.sin(angle) * right) / rng.uniform(0.02, 0.3)
    shadow = rng.uniform(0, 0.2) / (1 + np.exp(-np.clip(edge, -30, 30)))
    light = (1 - shadow) * rng.uniform(0.4, 0.8) + rng.normal(0, 0.03, (side, side))
    tones = light * (1 - rng.uniform(0.4, 0.8) * ink)
    return _jpeg(np.clip(255 * tones, 0, 255).astype(np.uint8), rng)


def lined(picture: Picture, rng: np.random.Generator) -> Picture:
    """On ruled or squared paper, whose lines are fainter than the ink."""
    side = int(rng.integers(150, 500))
    page = np.asarray(Image.fromarray(picture).resize((side, side)), np.float32)
    rules = np.full((side, side), 255.0, np.float32)
    step = int(rng.integers(side // 8, side // 3))
    rules[rng.integers(step) :: step] = 255 * rng.uniform(0.75, 0.9)
    if rng.random() < 0.4:
        rules[:, rng.integers(step) :: step] = rules.min()
    return _jpeg(np.minimum(page, rules).astype(np.uint8), rng)


def signature(part: str, rng: np.random.Generator) -> Picture:
    """A few characters of one alphabet in a row, close to each other."""
    data = _omniglot(part)
    group = np.array(data.group)[data.class_index]
    rows = np.flatnonzero(group == rng.choice(np.unique(group)))
    letters = [
        np.asarray(data.images[np.array([row])][0]) for row in rng.choice(rows, rng.integers(3, 9))
    ]
    name = np.full((155, 105 + 65 * (len(letters) - 1)), 255, np.uint8)
    for place, letter in enumerate(letters):
        top, left = int(rng.integers(0, 50)), 65 * place
        field = name[top : top + 105, left : left + 105]
        np.minimum(field, letter, out=field)
    return name


def ballpoint(part: str, count: int) -> Iterator[Picture]:
    """Names in a small scan, pressed harder here and softer there."""
    rng = np.random.default_rng(6)
    for _ in range(count):
        name = Image.fromarray(signature(part, rng))
        how = Image.Resampling.BOX if rng.random() < 0.5 else Image.Resampling.BICUBIC
        small = name.resize((220, max(40, 220 * name.height // name.width)), how)
        waves = Image.fromarray(rng.integers(0, 256, (4, 12), dtype=np.uint8))
        pressed = np.asarray(waves.resize(small.size, Image.Resampling.BICUBIC), np.float32) / 255
        ink = (1 - np.asarray(small, np.float32) / 255) * (0.45 + 0.5 * pressed)
        yield (255 * (1 - ink * rng.uniform(0.8, 1, ink.shape))).astype(np.uint8)


def _jpeg(picture: Picture, rng: np.random.Generator) -> Picture:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=int(rng.integers(50, 95)))
    return np.asarray(Image.open(file))


RENDERINGS: dict[str, Callable[[Picture, np.random.Generator], Picture]] = {
    "as they are": lambda picture, rng: picture,
    "white on black": white_on_black,
    "thick pen": thick,
    "large scan": large,
    "28 x 28, white on black": twenty_eight,
    "8 x 8": lambda picture, rng: own_strangers.tiny(picture),
    "blurred": lambda picture, rng: own_strangers.blurred(picture),
    "on a printed line": lambda picture, rng: own_strangers.ruled(picture),
    "in a printed frame": lambda picture, rng: own_strangers.boxed(picture),
    "photographed": photographed,
    "on ruled paper": lined,
    "in pencil": pencil,
    "poorly lit": poorly_lit,
}


def rendered(name: str) -> Callable[[str, int], Iterator[Picture]]:
    def pictures(part: str, count: int) -> Iterator[Picture]:
        rng = np.random.default_rng(len(name))
        for _ in range(count):
            yield RENDERINGS[name](_drawing(part, rng), rng)

    return pictures


def digits(part: str, count: int) -> Iterator[Picture]:
    images = load_dataset("digits").images
    yield from images[int(part == HELD_OUT) :: 2][:count]


def signatures(part: str, count: int) -> Iterator[Picture]:
    """CEDAR's are held out altogether."""
    if part == HELD_OUT:
        yield from _spread(load_dataset("cedar").images, count)
        return
    rng = np.random.default_rng(1)
    for _ in range(count):
        yield signature(part, rng)


# -- photographs ----------------------------------------------------------------------------------


def things(part: str, count: int) -> Iterator[Picture]:
    """Caltech-101 without its faces: every second kind of thing."""
    with zipfile.ZipFile(data_folder() / "caltech101_160.zip") as archive:
        names = [n for n in archive.namelist() if n.endswith(".jpg") and "Faces" not in n]
        kinds = sorted({name.split("/")[0] for name in names})[int(part == HELD_OUT) :: 2]
        kept = [name for name in names if name.split("/")[0] in kinds]
        yield from (_opened(archive.read(name)) for name in _spread(kept, count))


def scenes(part: str, count: int) -> Iterator[Picture]:
    """Squares out of the photographs in the wheels of scikit-image and scikit-learn."""
    names = (
        ("astronaut", "chelsea", "camera", "brick", "motorcycle_left", "coins", "ihc", "moon")
        if part == DEVELOPMENT
        else ("coffee", "rocket", "grass", "gravel", "retina", "china", "flower", "cell")
    )
    files = [path for name in names for path in _bundled(name)]
    rng = np.random.default_rng(2)
    for index in range(count if files else 0):
        with Image.open(files[index % len(files)]) as opened:
            whole = opened.convert("RGB" if opened.mode == "RGBA" else opened.mode)
        side = int(min(whole.size) * rng.uniform(0.4, 1))
        left, top = (int(rng.integers(0, length - side + 1)) for length in whole.size)
        square = whole.crop((left, top, left + side, top + side))
        yield np.asarray(square.resize((min(side, 320),) * 2))


def _bundled(name: str) -> list[Path]:
    found: list[Path] = []
    for package, folder in (("skimage", "data"), ("sklearn", "datasets/images")):
        spec = find_spec(package)
        if spec and spec.origin:
            found += (Path(spec.origin).parent / folder).glob(f"{name}.*g")
    return found


def products(part: str, count: int) -> Iterator[Picture]:
    """Held out altogether."""
    with zipfile.ZipFile(data_folder() / "grocery_112.zip") as archive:
        names = [n for n in archive.namelist() if n.startswith("test/") and n.endswith(".jpg")]
        yield from (_opened(archive.read(name)) for name in _spread(names, count))


def catalogue(part: str, count: int) -> Iterator[Picture]:
    """Products before a white ground; held out altogether."""
    with zipfile.ZipFile(data_folder() / "grocery_112.zip") as archive:
        names = [n for n in archive.namelist() if n.startswith("iconic/")]
        yield from (_opened(archive.read(name)) for name in _spread(names, count))


def steel(part: str, count: int) -> Iterator[Picture]:
    """Held out altogether."""
    with zipfile.ZipFile(data_folder() / "neu_det_112.zip") as archive:
        names = [n for n in archive.namelist() if n.endswith(".jpg")]
        yield from (_opened(archive.read(name)) for name in _spread(names, count))


def tiles(part: str, count: int) -> Iterator[Picture]:
    """Held out altogether."""
    with zipfile.ZipFile(data_folder() / "magnetic_tiles.zip") as archive:
        names = [n for n in archive.namelist() if n.endswith(".jpg")]
        yield from (_opened(archive.read(name)) for name in _spread(names, count))


def faces(part: str, count: int) -> Iterator[Picture]:
    """ORL: twenty people for each part."""
    images = load_dataset("orl").images
    yield from _spread(images[:200] if part == DEVELOPMENT else images[200:], count)


def color_faces(part: str, count: int) -> Iterator[Picture]:
    """The faces of Caltech-101."""
    with zipfile.ZipFile(data_folder() / "caltech101_160.zip") as archive:
        names = sorted(n for n in archive.namelist() if "Faces" in n and n.endswith(".jpg"))
        kept = names[int(part == HELD_OUT) :: 2]
        yield from (_opened(archive.read(name)) for name in _spread(kept, count))


def _opened(content: bytes) -> Picture:
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("L" if picture.mode == "L" else "RGB"))


def _spread(items: Any, count: int) -> Any:
    """At most `count` of them, evenly from first to last."""
    chosen = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[index] for index in chosen.tolist()]


# -- pages and spectrograms -----------------------------------------------------------------------


def pages(part: str, count: int) -> Iterator[Picture]:
    """Printed text: fonts of one family for development, of others held out."""
    rng = np.random.default_rng(3)
    fonts = _fonts(part)
    for index in range(count):
        yield printed(rng, fonts[index % len(fonts)])


def _fonts(part: str) -> list[Path]:
    folder = Path(str(find_spec("matplotlib").origin)).parent / "mpl-data" / "fonts" / "ttf"
    names = ("DejaVu*.ttf",) if part == DEVELOPMENT else ("STIXGeneral*.ttf", "cm[rst]*10.ttf")
    return [
        path
        for name in names
        for path in sorted(folder.glob(name))
        if "Display" not in path.name and "cmsy" not in path.name
    ]


def printed(rng: np.random.Generator, font_file: Path) -> Picture:
    """Three lines or more of invented words, scanned or photographed."""
    size, lines = int(rng.integers(9, 40)), int(rng.integers(3, 45))
    per_line = int(rng.integers(18, 80))
    font = ImageFont.truetype(str(font_file), size)
    step = size * rng.uniform(1.1, 1.8)
    page = Image.new("L", (int(per_line * size * 0.6) + 40, int(lines * step) + 40), 255)
    for line in range(lines):
        words = ""
        while len(words) < per_line * (rng.random() if rng.random() < 0.15 else 1):
            words += "".join(rng.choice(list(_LETTERS), rng.integers(1, 10))) + " "
        ImageDraw.Draw(page).text((20, 20 + line * step), words, fill=0, font=font)
    tones = np.asarray(page, np.float32) / 255
    if rng.random() < 0.5:
        tones = rng.uniform(0.5, 0.9) * (0.15 + 0.85 * tones)
        tones = tones + rng.normal(0, 0.02, tones.shape)
        return _jpeg(np.clip(255 * tones, 0, 255).astype(np.uint8), rng)
    return np.asarray(page)


def typed(part: str, count: int) -> Iterator[Picture]:
    """The text of `foreign.py`, one line to thirty; held out altogether."""
    rng = np.random.default_rng(4)
    for _ in range(count):
        yield foreign.page(rng)


def spoken(part: str, count: int) -> Iterator[Picture]:
    """Spectrograms of digits, three speakers for each part: grey, dark on light, in colors."""
    data = load_dataset("fsdd")
    mine = np.flatnonzero((data.drawer > 3) == (part == HELD_OUT))
    for index, row in enumerate(_spread(mine, count)):
        yield shown(np.asarray(data.images[row]) / 255.0, index)


def synthetic(part: str, count: int) -> Iterator[Picture]:
    """Long spectrograms: of synthetic sounds for development, of digits in a row held out."""
    rng = np.random.default_rng(5)
    for index in range(count):
        yield shown(_spectrogram(_sound(part, rng), rng), index)


def _sound(part: str, rng: np.random.Generator) -> NDArray[np.float64]:
    if part == HELD_OUT:
        with zipfile.ZipFile(data_folder() / "fsdd.zip") as archive:
            names = [n for n in archive.namelist() if n.endswith(".wav")]
            later = [n for n in names if n.split("_")[1] in ("nicolas", "theo", "yweweler")]
            heard = [read_wave(archive.read(name))[0] for name in rng.choice(later, 4)]
        return np.concatenate(heard).astype(np.float64)
    time = np.arange(16000) / 8000
    sound = rng.normal(0, rng.uniform(0.001, 0.3), len(time))
    for _ in range(int(rng.integers(1, 6))):
        start, rate = rng.uniform(80, 3000), rng.uniform(-400, 400)
        envelope = np.abs(np.sin(time * rng.uniform(0.5, 12))) ** rng.uniform(0.5, 4)
        for harmonic in range(1, int(rng.integers(2, 10))):
            phase = 2 * np.pi * harmonic * (start * time + rate * time**2 / 2)
            sound += envelope * np.sin(phase) / harmonic * (harmonic * start < 4000)
    return sound


def _spectrogram(sound: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    if rng.random() < 0.3:
        return np.asarray(log_mel(sound, 8000), np.float64)
    window = int(rng.choice([128, 256, 512]))
    frames = np.lib.stride_tricks.sliding_window_view(sound, window)[:: window // 4]
    power = np.abs(np.fft.rfft(frames * np.hanning(window))) ** 2
    floor = rng.uniform(-90, -50)
    decibel = 10 * np.log10(np.maximum(power / power.max(), 10 ** (floor / 10)))
    return np.asarray((1 - decibel / floor).T[::-1])


def shown(level: NDArray[np.float64], index: int) -> Picture:
    """As programs show it: in grey, dark on light, or through a map of colors."""
    if index % 3 == 0:
        return (255 * level).astype(np.uint8)
    if index % 3 == 1:
        return (255 - 255 * level).astype(np.uint8)
    import matplotlib

    colored = matplotlib.colormaps[_COLORS[index // 3 % len(_COLORS)]](level)
    return (255 * colored[:, :, :3]).astype(np.uint8)


def noise(part: str, count: int) -> Iterator[Picture]:
    """Noise of five sorts, smooth, rough and striped; held out altogether."""
    rng = np.random.default_rng(8)
    for index in range(count):
        yield foreign.noise(rng, int(rng.integers(40, 300)), index % 5)


def photographed_pages(part: str, count: int) -> Iterator[Picture]:
    """Parts of the two photographs of pages in scikit-image; held out altogether."""
    rng = np.random.default_rng(9)
    files = [*_bundled("page"), *_bundled("text")]
    for index in range(count if files else 0):
        with Image.open(files[index % len(files)]) as opened:
            whole = opened.convert("L")
        width, height = (int(side * rng.uniform(0.6, 1)) for side in whole.size)
        left, top = (
            int(rng.integers(0, there - taken + 1))
            for there, taken in zip(whole.size, (width, height), strict=True)
        )
        yield np.asarray(whole.crop((left, top, left + width, top + height)))


# -- for development alone: what the kinds that are held out altogether may be like ---------------


def close_ups(part: str, count: int) -> Iterator[Picture]:
    """Parts of photographs, most of them grey, many blurred, dim or with little contrast."""
    rng = np.random.default_rng(11)
    whole = [*things(part, 400), *scenes(part, 160)]
    while count:
        shown = Image.fromarray(whole[rng.integers(len(whole))])
        side = max(20, int(min(shown.size) * rng.uniform(0.25, 1)))
        left, top = (int(rng.integers(0, length - side + 1)) for length in shown.size)
        cut = shown.crop((left, top, left + side, top + side))
        cut = cut.convert("L") if rng.random() < 0.7 else cut
        if np.asarray(cut.convert("L")).std() < 6:
            continue
        if rng.random() < 0.7:
            cut = cut.resize((int(rng.integers(60, 225)),) * 2, Image.Resampling.BICUBIC)
        cut = cut.filter(ImageFilter.GaussianBlur(float(rng.choice([0, 0, 0, 0.7, 1.5]))))
        contrast = rng.uniform(0.25, 1) if rng.random() < 0.5 else 1
        values = rng.uniform(0, 255 * (1 - contrast)) + contrast * np.asarray(cut, np.float32)
        values = values + rng.normal(0, rng.choice([0, 0, 2, 5]), values.shape)
        count -= 1
        yield _jpeg(np.clip(values, 0, 255).astype(np.uint8), rng)


def cut_outs(part: str, count: int) -> Iterator[Picture]:
    """Parts of photographs before a white ground, round, square or like a bottle."""
    rng = np.random.default_rng(12)
    whole = list(things(part, 400))
    bottle = ((0.3, 0), (0.7, 0), (0.75, 0.3), (1, 0.45), (1, 1), (0, 1), (0, 0.45), (0.25, 0.3))
    while count:
        shown = Image.fromarray(whole[rng.integers(len(whole))]).convert("RGB")
        side, wide = int(rng.integers(90, 240)), rng.uniform(0.4, 1.8)
        width, height = (int(0.85 * side * min(1, share)) for share in (wide, 1 / wide))
        cut = min(shown.size) * rng.uniform(0.3, 0.8)
        left, top = (rng.uniform(0, length - cut) for length in shown.size)
        box = (left, top, left + cut, top + cut)
        inside = shown.resize((width, height), Image.Resampling.BICUBIC, box=box)
        if np.ptp(np.asarray(inside.convert("L")).astype(int)) < 40:
            continue
        mask = Image.new("L", (4 * width, 4 * height), 0)
        draw, frame = ImageDraw.Draw(mask), (2, 2, 4 * width - 3, 4 * height - 3)
        if count % 3 == 0:
            draw.ellipse(frame, fill=255)
        elif count % 3 == 1:
            draw.rounded_rectangle(frame, radius=int(rng.integers(0, width)), fill=255)
        else:
            draw.polygon([(4 * width * x, 4 * height * y) for x, y in bottle], fill=255)
        ground = Image.new("RGB", (side, side), (int(rng.integers(235, 256)),) * 3)
        place = ((side - width) // 2, (side - height) // 2)
        ground.paste(inside, place, mask.resize((width, height), Image.Resampling.BOX))
        count -= 1
        yield _jpeg(np.asarray(ground.convert("L" if rng.random() < 0.2 else "RGB")), rng)


def surfaces(part: str, count: int) -> Iterator[Picture]:
    """Rough and brushed surfaces under uneven light, some scratched, stained or cracked."""
    rng = np.random.default_rng(13)
    for index in range(count):
        height, width = rng.integers(90, 230, 2)
        grain = clouds(rng, height, width, rng.uniform(0.8, 1.8), rng.choice([1, 1, 0.3, 3]))
        relief = rng.uniform(0.05, 0.15) * grain
        relief *= np.exp(rng.uniform(0.2, 0.7) * clouds(rng, height, width, 2.2))
        relief += rng.uniform(0, 0.1) * clouds(rng, height, width, 2.5)
        down, right = np.mgrid[:height, :width]
        for _ in range(int(rng.integers(1, 6)) if index % 4 == 1 else 0):
            angle = rng.normal(0, 0.2) + rng.choice([0, np.pi / 2])
            apart = (down - rng.uniform(0, height)) * np.cos(angle)
            apart += (right - rng.uniform(0, width)) * np.sin(angle)
            line = np.exp(-((apart / rng.uniform(0.5, 2.5)) ** 2))
            relief += rng.choice([-1, 1, 1]) * rng.uniform(0.1, 0.4) * line * (1 + 0.4 * grain)
        if index % 4 == 2:
            stained = clouds(rng, height, width, rng.uniform(1.2, 2.2)) > rng.uniform(0.8, 2)
            relief -= rng.uniform(0.1, 0.4) * stained * (1 + 0.3 * grain)
        if index % 4 == 3:
            crack = np.cumsum(rng.normal(0, 0.8, width)) + height / 2
            line = np.exp(-(((down - crack) / rng.uniform(0.7, 2.5)) ** 2))
            relief -= rng.uniform(0.1, 0.4) * line
        values = rng.uniform(0.25, 0.7) + relief * rng.uniform(0.6, 1.2)
        values += rng.normal(0, rng.uniform(0, 0.02), values.shape)
        yield _jpeg(np.clip(255 * values, 0, 255).astype(np.uint8), rng)


def clouds(
    rng: np.random.Generator, height: int, width: int, slope: float, brushed: float = 1
) -> NDArray[np.float64]:
    """Gaussian noise whose amplitude falls with frequency ** slope; mean 0, deviation 1."""
    along = np.hypot(np.fft.fftfreq(height)[:, None] * brushed, np.fft.fftfreq(width))
    along[0, 0] = 1
    values = np.fft.ifft2(np.fft.fft2(rng.normal(size=(height, width))) / along**slope).real
    return np.asarray((values - values.mean()) / values.std())


def made_noise(part: str, count: int) -> Iterator[Picture]:
    """Noise and patterns of nine sorts, none of them one of those of `noise`."""
    rng = np.random.default_rng(14)
    for index in range(count):
        height, width = rng.integers(40, 320, 2)
        planes = [_made(rng, height, width, index % 9) for _ in range(3 if index % 5 < 2 else 1)]
        values = np.stack([255 * (p - p.min()) / np.ptp(p) for p in planes], axis=2)
        picture = values.astype(np.uint8)
        picture = picture[:, :, 0] if len(planes) == 1 else picture
        picture = picture.swapaxes(0, 1).copy() if index % 2 else picture
        yield _jpeg(picture, rng) if rng.random() < 0.3 else picture


def _made(rng: np.random.Generator, height: int, width: int, sort: int) -> NDArray[Any]:
    down, right = np.mgrid[:height, :width]
    if sort == 0:
        return rng.normal(size=(height, width))
    if sort == 1:
        return clouds(rng, height, width, rng.uniform(0.2, 0.7))
    if sort == 2:
        side = int(rng.integers(2, 9))
        return rng.random((height, width))[down // side, right // side]
    if sort == 3:
        salt = rng.random((height, width)) < rng.uniform(0.02, 0.4)
        return np.where(salt, rng.integers(0, 2, (height, width)), 0.5)
    if sort == 4:
        angle = rng.uniform(0, np.pi)
        along = np.cos(angle) * right + np.sin(angle) * down
        return np.asarray(np.sin(along * rng.uniform(0.05, 1.5) + rng.uniform(0, 6)))
    if sort == 5:
        apart = np.hypot(down - rng.uniform(0, height), right - rng.uniform(0, width))
        return np.asarray(apart ** rng.uniform(0.5, 2))
    if sort == 6:
        length = int(rng.integers(5, 40))
        walked = np.cumsum(rng.normal(size=(height, width + length)), axis=1)
        return walked[:, length:] - walked[:, :-length]
    if sort == 7:
        grain = Image.fromarray(rng.integers(0, 256, (height, width), dtype=np.uint8))
        return np.asarray(grain.filter(ImageFilter.BoxBlur(float(rng.uniform(1, 6)))), float)
    return rng.exponential(size=(height, width)) ** rng.choice([0.1, 1])


def speech(part: str, count: int) -> Iterator[Picture]:
    """Spectrograms of sentences, some of them scaled or kept as JPEG."""
    import soundfile

    rng = np.random.default_rng(15)
    with zipfile.ZipFile(data_folder() / "librispeech_speakers.zip") as archive:
        names = [n for n in archive.namelist() if n.startswith("cohort/") and n.endswith(".flac")]
        for index, name in enumerate(_spread(names, count)):
            heard = soundfile.read(io.BytesIO(archive.read(name)))[0]
            heard = heard[: int(16000 * rng.uniform(0.6, 3.5))]
            picture = shown(_spectrogram(heard, rng), index)
            if rng.random() < 0.5:
                size = int(rng.integers(100, 400)), int(rng.integers(80, 300))
                picture = np.asarray(Image.fromarray(picture).resize(size))
            yield _jpeg(picture, rng) if rng.random() < 0.4 else picture


def askew_pages(part: str, count: int) -> Iterator[Picture]:
    """Parts of printed pages, held askew, blurred, and in light that falls off."""
    rng = np.random.default_rng(16)
    fonts = _fonts(part)
    for index in range(count):
        page = Image.fromarray(printed(rng, fonts[index % len(fonts)]))
        page = page.rotate(rng.uniform(-6, 6), Image.Resampling.BICUBIC, fillcolor=255)
        width, height = (int(side * rng.uniform(0.35, 0.9)) for side in page.size)
        left, top = (
            int(rng.integers(0, there - taken + 1))
            for there, taken in zip(page.size, (width, height), strict=True)
        )
        page = page.crop((left, top, left + width, top + height))
        page = page.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.6)))
        paper = np.asarray(page, np.float32) / 255
        down, right = np.mgrid[:height, :width]
        angle = rng.uniform(0, 6.3)
        ramp = np.cos(angle) * right / width + np.sin(angle) * down / height
        ramp = (ramp - ramp.min()) / np.ptp(ramp)
        light = 1 - rng.uniform(0.1, 0.6) * ramp ** rng.uniform(0.7, 2)
        light = rng.uniform(0.5, 0.95) * light
        tones = light * (paper + rng.uniform(0.15, 0.5) * (1 - paper))
        tones = tones + rng.normal(0, rng.uniform(0, 0.03), tones.shape)
        yield _jpeg(np.clip(255 * tones, 0, 255).astype(np.uint8), rng)


# What each source shows, and whether a pack of ink reads it.
INK: dict[str, Callable[[str, int], Iterator[Picture]]] = {
    **{name: rendered(name) for name in RENDERINGS},
    "digits, 8 x 8": digits,
    "signatures": signatures,
    "signatures in ballpoint": ballpoint,
}
PHOTOGRAPHS = {
    "things": things,
    "scenes": scenes,
    "products": products,
    "products before white": catalogue,
    "steel": steel,
    "magnetic tiles": tiles,
}
FACES = {"faces, grey": faces, "faces, in color": color_faces}
PAGES = {
    "pages of text": pages,
    "one line to thirty": typed,
    "photographed pages": photographed_pages,
}
SPECTROGRAMS = {"spoken digits": spoken, "long spectrograms": synthetic}
KINDS: dict[str, Mapping[str, Callable[[str, int], Iterator[Picture]]]] = {
    "ink": INK,
    "photograph": PHOTOGRAPHS,
    "face": FACES,
    "page": PAGES,
    "spectrogram": SPECTROGRAMS,
    "noise": {"noise": noise},
}
ONLY_HELD_OUT = (
    "products",
    "products before white",
    "steel",
    "magnetic tiles",
    "one line to thirty",
    "photographed pages",
    "noise",
)
# To choose what tells photographs from the rest; each looks a little like a kind that is held out.
ONLY_DEVELOPMENT: dict[str, Mapping[str, Callable[[str, int], Iterator[Picture]]]] = {
    "photograph": {"close-ups": close_ups, "cut-outs": cut_outs, "surfaces": surfaces},
    "page": {"pages askew": askew_pages},
    "spectrogram": {"speech": speech},
    "noise": {"made noise": made_noise},
}
