"""What a page takes for granted: small pictures under the names that its commands use."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.folders import write_folder
from pages import ROOT

# Products in docs/details.png: left, top, right, lower.
_CATALOGUE = [(12, 33, 116, 138), (430, 33, 534, 138), (848, 33, 952, 138)]
_AISLE = [(135, 33, 239, 138), (553, 33, 657, 138), (971, 33, 1075, 138)]


def drawings(folder: Path, classes: int, each: int, first: int = 0) -> None:
    """A folder of class folders, of the drawings that holotype brings along."""
    sample = load_dataset("sample")
    number = np.arange(len(sample)) - np.searchsorted(sample.class_index, sample.class_index)
    chosen = (number < each) & (sample.class_index >= first)
    chosen &= sample.class_index < first + classes
    write_folder(
        folder,
        sample.images[:][chosen],
        sample.class_index[chosen] - first,
        sample.class_names[first : first + classes],
    )


def photographs(places: Iterable[Path], box: tuple[int, int, int, int]) -> None:
    """One product, each time in another light and from a little nearer."""
    picture = Image.open(ROOT / "docs" / "details.png").convert("RGB").crop(box)
    for number, place in enumerate(places):
        place.parent.mkdir(parents=True, exist_ok=True)
        near = picture.crop((number, number, picture.width - number, picture.height - number))
        lit = ImageEnhance.Brightness(near).enhance(1 + 0.04 * number)
        lit.resize((416, 416), Image.Resampling.BICUBIC).save(place)


def signature(place: Path, name: int, day: int) -> None:
    """A row of four characters by one hand."""
    sample = load_dataset("sample").images
    row: list[NDArray[np.uint8]] = [sample[20 * (name + at) + day] for at in range(4)]
    Image.fromarray(np.concatenate(row, axis=1)).save(place)


def _folder(here: Path) -> None:
    drawings(here / "FOLDER", 8, 6, first=20)


def _condition(here: Path) -> None:
    from toy_photos import photo_model, write_photos

    write_photos(here / "conditions", classes=16, each=3)
    write_photos(here / "held-out-conditions", classes=8, each=3, seed=1)
    (here / "embedder.onnx").write_bytes(photo_model().SerializeToString())
    shutil.copy(here / "held-out-conditions" / "class00" / "0.png", here / "case-1.png")
    shutil.copy(here / "held-out-conditions" / "class00" / "1.png", here / "new.png")


def _defect(here: Path) -> None:
    photographs([here / "scratches-0417.jpg", here / "today.jpg"], _AISLE[0])


def _shelf(here: Path) -> None:
    photographs([here / "catalogue" / "oat-milk.jpg"], _CATALOGUE[2])
    photographs([here / "aisle" / "oat-milk-1.jpg", here / "aisle" / "unknown.jpg"], _AISLE[2])


def _packs(here: Path) -> None:
    from toy_photos import photo_model, write_photos

    write_photos(here / "photographs", classes=16, each=3)
    (here / "other.onnx").write_bytes(photo_model().SerializeToString())


def _signature(here: Path) -> None:
    signature(here / "genuine-1.png", 0, 0)
    signature(here / "today.png", 0, 1)


def _door(here: Path) -> None:
    import cv2

    images = load_dataset("orl").images

    def person(number: int, shot: int) -> Image.Image:
        return Image.fromarray(np.asarray(images[10 * number + shot]))

    person(0, 0).save(here / "ada.png")
    person(0, 1).save(here / "visitor.png")
    hall = Image.new("L", (184, 112))
    hall.paste(person(0, 2), (0, 0))
    hall.paste(person(5, 0), (92, 0))
    hall.save(here / "hall.png")
    for number in range(10, 34):
        folder = here / "strangers" / f"person {number}"
        folder.mkdir(parents=True)
        person(number, 0).save(folder / "1.png")
    for number in range(6):
        folder = here / "people" / f"person {number}"
        folder.mkdir(parents=True)
        for shot in range(3):
            person(number, shot).save(folder / f"{shot}.png")
    video = cv2.VideoWriter(str(here / "door.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 5, (184, 224))
    for number in (0, 0, 7, 7):
        frame = np.asarray(person(number, 3).resize((184, 224)))
        video.write(np.stack([frame] * 3, axis=-1))
    video.release()


def _generative(here: Path) -> None:
    Image.fromarray(load_dataset("sample").images[0]).save(here / "drawing.png")


def _training(here: Path) -> None:
    page = (ROOT / "docs" / "training.md").read_text()
    shown = page[page.index("[config]") :]
    (here / "mine.toml").write_text(shown[: shown.index("```")])


def _voice(here: Path) -> None:
    from toy_voices import saved, voice

    for name, speaker, take, seconds in (
        ("ada", 0, 0, 4.0),
        ("ben", 1, 0, 4.0),
        ("today", 0, 1, 4.0),
        ("takes/one", 1, 2, 4.0),
        ("takes/two", 2, 3, 4.0),
        ("strangers/eve/1", 2, 0, 4.0),
        ("strangers/eve/2", 2, 1, 4.0),
        ("go", 0, 0, 0.5),
        ("stop", 0, 2, 0.5),
        ("again", 0, 0, 0.5),
    ):
        path = here / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(saved(voice(speaker, seconds, take)))


def _text(here: Path) -> None:
    (here / "intents").mkdir()
    for name, text in (
        ("agent.txt", "let me talk to a person"),
        ("rate.txt", "how many dollars do I get for a euro"),
        ("pin.txt", "I forgot my PIN"),
        ("block.jsonl", '{"text": "how do I block my card"}'),
    ):
        (here / "intents" / name).write_text(f"{text}\n")
    (here / "said.txt").write_text("can I speak to somebody\nwhat is the capital of France\n")
    questions = ("what is the weather like", "play some music", "how old are you", "tell me a joke")
    (here / "other-questions.txt").write_text("\n".join(questions) + "\n")


STAND_INS: dict[str, Callable[[Path], None]] = {
    "condition.md": _condition,
    "defect.md": _defect,
    "details.md": _folder,
    "door.md": _door,
    "generative.md": _generative,
    "keeping.md": _folder,
    "open-set.md": _folder,
    "packs.md": _packs,
    "shelf.md": _shelf,
    "signature.md": _signature,
    "text.md": _text,
    "training.md": _training,
    "voice.md": _voice,
}


def prepare(page: Path, here: Path) -> None:
    """Put what a page takes for granted into a folder."""
    STAND_INS.get(page.name, lambda _: None)(here)
