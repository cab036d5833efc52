"""Voices through the Recognizer and the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import holotype
from hanging import HANGS_S
from holotype import Recording
from holotype.cli import app
from holotype.errors import AnotherKindError, HolotypeError, ImageError
from holotype.recognizer import Recognizer, calibrate, reembed, same
from holotype.recognizer.kinds import usual_model
from toy_voices import RATE_HZ, music, saved, voice

ADA, BEN, EVE = range(3)


def take(speaker: int, number: int = 0, seconds: float = 4.0) -> Recording:
    return Recording(voice(speaker, seconds, number), RATE_HZ)


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Recognizer]:
    with holotype.open(tmp_path / "team.gallery", "voices") as recognizer:
        recognizer.enroll("ada", take(ADA))
        recognizer.enroll("ben", take(BEN))
        yield recognizer


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    folder = tmp_path / "takes"
    folder.mkdir()
    for name, speaker, number in (("ada", ADA, 0), ("ada2", ADA, 1), ("ben", BEN, 0)):
        (folder / f"{name}.wav").write_bytes(saved(voice(speaker, 4.0, number)))
    return folder


@pytest.fixture
def run() -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(app, [os.fspath(one) for one in arguments])


def test_who_was_heard_once_is_recognized(team: Recognizer) -> None:
    ada, ben, music_ = team.identify([take(ADA, 1), take(BEN, 1), Recording(music(), RATE_HZ)])
    assert [one.answer for one in (ada, ben, music_)] == ["match", "match", "cannot_tell"]
    assert [one.label for one in (ada, ben)] == ["ada", "ben"]
    assert music_.reasons[0].code == "no_speech"
    assert ada.basis is not None
    assert (ada.basis.known, ada.basis.source) == ("estimated", "cohort")
    assert team.verify("ada", take(ADA, 2)).answer == "match"
    assert team.verify("ada", take(BEN, 2)).answer == "unknown"


def test_doubts_are_warnings_at_the_desk_and_no_answer_at_the_door(team: Recognizer) -> None:
    both = Recording(np.concatenate([voice(ADA), voice(BEN), voice(EVE)]), RATE_HZ)
    loud = Recording(np.clip(9 * voice(ADA), -1, 1), RATE_HZ)
    for source, code in ((take(ADA, 1, 0.6), "voice_too_short"), (loud, "voice_clipped")):
        decision = team.identify(source)
        assert (decision.answer, decision.reasons[0].code) == ("cannot_tell", code)
        assert code in [one.code for one in team.enroll("somebody", source).warnings]
    decision = team.identify(both)
    assert (decision.answer, decision.reasons[0].code) == ("cannot_tell", "several_voices")


def test_a_folder_of_recordings_is_enrolled(
    takes: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    gallery = tmp_path / "team.gallery"
    (takes / "notes.txt").touch()
    for said in ("3 of 3 recordings added, of 3 labels", "0 of 3 recordings added, of 3 labels"):
        done = run("enroll", gallery, "--folder", takes)
        assert done.exit_code == 0, done.output
        assert said in done.stdout
        assert "1 file passed over: 1 not recordings (.txt)." in done.stdout
    empty = tmp_path / "none"
    empty.mkdir()
    assert "has no recordings" in run("enroll", gallery, "--folder", empty).stderr


def test_nothing_is_stored_of_a_bad_recording(team: Recognizer) -> None:
    with pytest.raises(ImageError, match=r"recording 2 of 2, this recording: no speech was found"):
        team.enroll("eve", take(EVE), Recording(music(), RATE_HZ))
    with pytest.raises(ImageError, match="2 of 2 recordings cannot be used"):
        team.enroll("eve", saved(music()), b"RIFF")
    assert team.list() == {"ada": 1, "ben": 1}


def test_pictures_and_recordings_are_not_taken_for_one_another(tmp_path: Path) -> None:
    with holotype.open(tmp_path / "drawings.gallery") as drawings:
        with pytest.raises(ImageError, match=r"this is a recording.*pack `voices`"):
            drawings.enroll("ada", saved(voice(ADA)))
        with pytest.raises(ImageError, match="this is a recording"):
            drawings.enroll("ada", take(ADA))
        (decision,) = drawings.identify([take(ADA)])
        assert decision.reasons[0].code == "unreadable"
    with (
        holotype.open(tmp_path / "team.gallery", "voices") as team,
        pytest.raises(ImageError, match=r"an array is not a recording"),
    ):
        team.enroll("ada", np.zeros((20, 20)))
    assert not (tmp_path / "team.gallery").exists()


def test_two_recordings_alone() -> None:
    decision = same(take(ADA), take(ADA, 1))
    assert (decision.answer, decision.label) == ("match", "the first recording")
    assert same(take(ADA), take(BEN)).answer == "unknown"
    assert usual_model(np.zeros((9, 9))) == "characters"


def test_strangers_of_ones_own_count(team: Recognizer) -> None:
    change = calibrate(team, [take(EVE), take(EVE, 1)], ["eve", "eve"])
    assert (change.classes, change.pictures) == (1, 2)
    with pytest.raises(HolotypeError, match=r"may be enrolled: 'eva' \(like 'ada'"):
        calibrate(team, [take(ADA, 3)], ["eva"])


def test_kept_recordings_can_move(tmp_path: Path) -> None:
    path = tmp_path / "team.gallery"
    with holotype.open(path, "voices", keep_pictures=True) as team:
        team.enroll("ada", take(ADA), saved(voice(ADA, 4.0, 1), format="FLAC"))
        stored = [team.gallery.picture(one)[:4] for one in sorted(team.gallery.picture_ids())]
        assert stored == [b"RIFF", b"fLaC"]
    with pytest.raises(ImageError, match="a kept picture"):
        reembed(path, "characters")
    with holotype.open(path) as team:
        assert team.identify(take(ADA, 2)).label == "ada"


def test_the_first_file_chooses_the_pack(
    tmp_path: Path, takes: Path, run: Callable[..., Result]
) -> None:
    gallery = tmp_path / "team.gallery"
    made = run("enroll", gallery, "ada", takes / "ada.wav")
    assert made.exit_code == 0, made.output
    assert "bound to the model voices" in made.stdout
    assert run("enroll", gallery, "ben", takes / "ben.wav", "--model", "voices").exit_code == 0
    Image.new("L", (40, 40)).save(takes / "picture.png")
    found = run("identify", gallery, takes, "--json")
    assert found.exit_code == 0
    assert [one["label"] for one in json.loads(found.stdout)] == ["ada", "ada", "ben"]
    assert "1 file passed over: 1 not recordings (.png)" in found.stderr
    assert run("verify", gallery, "ada", takes / "ada2.wav").exit_code == 0
    assert run("same", takes / "ada.wav", takes / "ada2.wav").exit_code == 0
    assert run("same", takes / "ada.wav", takes / "ben.wav").exit_code == 1
    report = run("identify", gallery, takes, "--report", tmp_path / "page.html")
    assert (report.exit_code, "takes recordings" in report.stderr) == (3, True)


def test_strangers_come_as_folders(tmp_path: Path, takes: Path, run: Callable[..., Result]) -> None:
    gallery, strangers = tmp_path / "team.gallery", tmp_path / "strangers"
    assert run("enroll", gallery, "ada", takes / "ada.wav").exit_code == 0
    (strangers / "eve").mkdir(parents=True)
    empty = run("calibrate", gallery, strangers, "--yes")
    assert "has no recordings" in empty.stderr
    (strangers / "eve" / "1.wav").write_bytes(saved(voice(EVE)))
    done = run("calibrate", gallery, strangers, "--yes", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["classes"] == 1


def test_a_bad_file_ends_with_its_fault(tmp_path: Path, run: Callable[..., Result]) -> None:
    letter, film = tmp_path / "letter.wav", tmp_path / "film.mp4"
    letter.write_text("Dear Ada")
    film.write_bytes(b"\0\0\0\x20ftypisom" + bytes(100))
    for path, fault in ((letter, "this is not a recording"), (film, "this is an MP4 file")):
        refused = run("enroll", tmp_path / "team.gallery", "ada", path)
        assert (refused.exit_code, fault in refused.stderr) == (3, True), refused.output
    assert not (tmp_path / "team.gallery").exists()


def test_a_recording_for_drawings_names_its_pack(takes: Path) -> None:
    from holotype.pack import load_pack
    from holotype.recognizer.kinds import require_kind

    with pytest.raises(AnotherKindError) as refused:
        require_kind([takes / "ada.wav"], load_pack("characters").card.preprocessing)
    assert refused.value.packs == ("voices",)


_WITHOUT = """
import sys
for name in ("soundfile", "soxr", "torch", "onnx"):
    sys.modules[name] = None
import numpy as np
import holotype
from holotype.cli import main
print(sorted(name for name in ("soundfile", "soxr") if sys.modules.get(name)))
main()
"""


def test_without_the_extra_its_command_is_named(tmp_path: Path, takes: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, "enroll", "team.gallery", "ada", takes / "ada.wav"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=HANGS_S,
    )
    assert done.returncode == 10, done.stderr
    assert "a recording needs soundfile, which is not installed" in done.stderr
    assert "[audio]" in done.stderr
    assert not (tmp_path / "team.gallery").exists()


def test_nothing_of_the_extra_is_loaded_for_pictures() -> None:
    code = (
        "import sys, holotype, holotype.cli, holotype.recognizer; "
        "print({'soundfile', 'soxr', 'cffi'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=HANGS_S, check=True
    )
    assert done.stdout == "set()\n"
