"""What is recognized in sound as it comes, and how often falsely."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

import holotype
from holotype.cli import app
from holotype.domains.voices.recording import as_wave
from holotype.errors import DataError, RateError
from holotype.recognizer import Recognizer
from holotype.records import Recording
from holotype.watching import listen
from holotype.watching.events import Ended, Seen
from toy_packs import make_toy_pack, toy_drawing

RATE_HZ = 16_000


def word(low_hz: float, high_hz: float) -> NDArray[np.float32]:
    """A tone of half a second that glides, loudest in its middle."""
    at = np.arange(RATE_HZ // 2) / RATE_HZ
    turns = low_hz * at + (high_hz - low_hz) * at**2
    return np.float32(0.3) * np.float32(np.sin(2 * np.pi * turns) * np.sin(2 * np.pi * at))


def said(*words: NDArray[np.float32], each_s: float = 3.2) -> NDArray[np.float32]:
    """Words in a quiet room."""
    room = np.random.default_rng(0).normal(scale=1e-3, size=round(len(words) * each_s * RATE_HZ))
    sound = room.astype(np.float32)
    for number, one in enumerate(words):
        start = round((number + 0.5) * each_s * RATE_HZ)
        sound[start : start + len(one)] += one
    return sound


def others(count: int, seed: int) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return [word(*rng.uniform(200, 3000, 2)) for _ in range(count)]


# Of two tones each, as none of the others.
GO, STOP = word(300, 900) + word(1200, 2600), word(2500, 700) + word(500, 500)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recognizer]:
    place = tmp_path_factory.mktemp("desk") / "commands.gallery"
    with holotype.open(place, "words") as recognizer:
        recognizer.enroll("go", Recording(said(GO), RATE_HZ))
        recognizer.enroll("stop", Recording(said(STOP), RATE_HZ))
        yield recognizer


@pytest.fixture(scope="module")
def known(desk: Recognizer) -> listen.Ordinary:
    return listen.ordinary(desk, Recording(said(*others(45, 1)), RATE_HZ))  # 144 s


def heard(desk: Recognizer, sound: NDArray[np.float32], known: listen.Ordinary, rate: float):
    *alarms, end = listen.listen(desk, Recording(sound, RATE_HZ), known, rate)
    assert isinstance(end, Ended)
    return alarms


def test_words_are_heard_in_a_stream(desk: Recognizer, known: listen.Ordinary) -> None:
    assert known.hours == pytest.approx(0.04, abs=0.001)
    assert known.pieces == 179  # of 1.6 s, every 0.8 s
    alarms = heard(desk, said(GO, *others(2, 7), STOP), known, 60)
    assert all(isinstance(one, Seen) for one in alarms)
    assert [(one.decision.label, one.track) for one in alarms] == [("go", 1), ("stop", 2)]
    assert [one.seconds for one in alarms] == pytest.approx([1.6, 11.2], abs=0.9)
    (basis,) = {one.decision.basis for one in alarms}
    assert (basis.known, basis.source) == ("estimated", "site")


def test_as_many_alarms_in_the_ordinary_sound_as_were_allowed(
    desk: Recognizer, known: listen.Ordinary
) -> None:
    """One piece fewer than the rank, whatever is allowed."""
    pieces = listen.detect(desk.embedder, [Recording(said(GO), RATE_HZ)])[0]
    for count in (1, 3, 10):
        rate = count / known.hours
        alone = [listen.Detected(vector, ()) for vector in known.vectors]
        found = [one for piece in alone for one in listen.alarms(desk, [piece], known, rate)]
        assert len(found) in (count - 1, count)  # similarities are rounded
        assert next(one for *_, one in listen.alarms(desk, pieces, known, rate)).label == "go"


def test_no_hour_speaks_for_less_than_one_alarm(known: listen.Ordinary) -> None:
    assert known.allowed(known.smallest) == 1
    with pytest.raises(RateError, match=r"1 false alarms an hour .* 0.0398 hours.*25.1 an hour"):
        known.allowed(1)
    with pytest.raises(RateError, match="pieces of 179 that can be judged"):
        known.allowed(1e6)
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(RateError, match="is no rate"):
            known.allowed(wrong)
    told = known.in_words(60)
    assert "1 of whose" in told  # two pieces' rank: one may be as alike
    assert "below 119 an hour" in told  # 4.74 in 0.04 hours


def test_what_cannot_be_listened_to(desk: Recognizer, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"shorter than one piece, 1.6 s"):
        listen.ordinary(desk, Recording(GO, RATE_HZ))
    quiet = listen.ordinary(desk, Recording(np.zeros(10 * RATE_HZ, np.float32), RATE_HZ))
    assert len(quiet.vectors) == 0
    with pytest.raises(RateError, match="has 0 pieces of 11"):
        quiet.allowed(1000)
    with holotype.open(tmp_path / "eye.gallery", make_toy_pack(tmp_path / "toy")) as eye:
        eye.enroll("one", toy_drawing(1))
        with pytest.raises(DataError, match="takes pictures, and hears no sound"):
            listen.ordinary(eye, Recording(said(GO), RATE_HZ))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("soundfile")
    folder = tmp_path_factory.mktemp("room")
    (folder / "room.wav").write_bytes(as_wave(Recording(said(*others(20, 1)), RATE_HZ)))
    (folder / "today.wav").write_bytes(as_wave(Recording(said(GO, *others(1, 7)), RATE_HZ)))
    with holotype.open(folder / "commands.gallery", "words") as recognizer:
        recognizer.enroll("go", Recording(said(GO), RATE_HZ))
    return folder


def test_on_the_command_line(place: Path) -> None:
    gallery = ["--gallery", os.fspath(place / "commands.gallery")]
    asked = ["--ordinary", os.fspath(place / "room.wav"), "--false-alarms-an-hour"]
    run = CliRunner().invoke
    done = run(app, ["watch", os.fspath(place / "today.wav"), *gallery, *asked, "100"])
    assert done.exit_code == 0, done.output
    told = " ".join(done.output.split())
    assert "At most 100 false alarms an hour: estimated" in told
    assert "match go" in told
    refused = run(app, ["watch", os.fspath(place / "today.wav"), *gallery, *asked, "1"])
    assert "cannot be estimated" in " ".join(refused.output.split())
    for wrong, why in (
        (["0", *gallery, *asked, "100"], "arecord"),
        (["-", *gallery], "--false-alarms-an-hour"),
        (["-", *gallery, *asked, "100", "--keep-unknown", "x"], "nothing is kept"),
    ):
        done = run(app, ["watch", *wrong])
        assert done.exit_code == 2
        assert why in " ".join(done.output.split())


def test_a_microphone_that_is_piped(place: Path) -> None:
    """Its program may stop in the middle of a sample."""
    command = [sys.executable, "-m", "holotype", "watch", "-", "--gallery", "commands.gallery"]
    command += ["--ordinary", "room.wav", "--false-alarms-an-hour", "100", "--json"]
    samples = (said(GO, *others(1, 7)) * 2**15).astype("<i2").tobytes() + b"\0"
    done = subprocess.run(command, input=samples, capture_output=True, cwd=place, check=False)
    assert done.returncode == 0, done.stderr
    alarm, end = map(json.loads, done.stdout.splitlines())
    assert (alarm["event"], alarm["label"]) == ("seen", "go")
    assert (end["event"], end["pictures"]) == ("ended", 7)
    done = subprocess.run(command, input=b"", capture_output=True, cwd=place, check=False)
    assert done.returncode != 0
    assert b"plugged in" in done.stderr + done.stdout
