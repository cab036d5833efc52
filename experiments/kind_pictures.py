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
    folder = Path(str(find_spec("matplotlib").origin)).parent / "mpl-data" / "fonts" / "ttf"
    names = ("DejaVu*.ttf",) if part == DEVELOPMENT else ("STIXGeneral*.ttf", "cm[rst]*10.ttf")
    fonts = [
        path
        for name in names
        for path in sorted(folder.glob(name))
        if "Display" not in path.name and "cmsy" not in path.name
    ]
    for index in range(count):
        yield printed(rng, fonts[index % len(fonts)])


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
