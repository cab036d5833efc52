"""A gallery is opened with a place of the Hub: what lies there is a pack, once for a machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import holotype
from holotype.cli.app import app
from holotype.errors import GalleryError, PackError
from holotype.pack import load_pack
from packing import layouts
from packing.hub_server import Hub, running
from toy_packs import make_toy_pack, toy_drawing
from toy_photos import write_photos

PLACE = "hf:somebody/An.Encoder"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    with running() as server:
        server.commits["somebody/An.Encoder"] = {}
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def encoder(folder: Path) -> bytes:
    layouts.clip_vision(folder / "model.onnx")
    return (folder / "model.onnx").read_bytes()


def test_a_network_is_made_a_pack_once(server: Hub, tmp_path: Path) -> None:
    first = server.commit("somebody/An.Encoder", {"onnx/model.onnx": encoder(tmp_path)})
    pictures = write_photos(tmp_path / "photos", classes=3, each=2)
    with holotype.open(tmp_path / "g.gallery", model=PLACE) as gallery:
        for one in sorted(pictures.iterdir()):
            gallery.enroll(one.name, one / "0.png")
        decision = gallery.identify(pictures / "class01" / "0.png")
        assert decision.candidates[0].label == "class01"
    card = load_pack(PLACE).card
    assert card.name == "an.encoder"
    assert card.encoder["source"] == f"hf:somebody/An.Encoder@{first}, onnx/model.onnx"
    asked = len(server.asked)
    # The next commit is another model, and this gallery stays with its own.
    layouts.vit(tmp_path / "newer.onnx")
    newer = {"onnx/model.onnx": (tmp_path / "newer.onnx").read_bytes()}
    second = server.commit("somebody/An.Encoder", newer)
    for model in (None, PLACE, f"{PLACE}@{first}"):
        with holotype.open(tmp_path / "g.gallery", model=model) as gallery:
            assert gallery.embedder.model_id == card.model_id
    assert len(server.asked) == asked
    with pytest.raises(GalleryError, match=f"belongs to the model .*{card.model_id}"):
        holotype.open(tmp_path / "g.gallery", model=f"{PLACE}@{second}")


def test_a_pack_that_lies_there_keeps_its_cohort(server: Hub, tmp_path: Path) -> None:
    toy = make_toy_pack(tmp_path / "toy")
    server.commit("somebody/An.Encoder", {one.name: one.read_bytes() for one in toy.iterdir()})
    pack = load_pack(PLACE)
    assert pack.card == load_pack(toy).card
    with holotype.open(tmp_path / "g.gallery", model=f"{PLACE}@main") as gallery:
        gallery.enroll("a", toy_drawing(1))
        gallery.enroll("b", toy_drawing(2))
        assert gallery.identify(toy_drawing(1, 1), fpir=0.1).candidates[0].label == "a"


def test_what_was_assumed_is_said_where_a_gallery_begins(server: Hub, tmp_path: Path) -> None:
    layouts.vit(tmp_path / "model.onnx")
    server.commit("somebody/An.Encoder", {"model.onnx": (tmp_path / "model.onnx").read_bytes()})
    pictures = write_photos(tmp_path / "photos", classes=1, each=1)
    arguments = ["enroll", tmp_path / "g.gallery", "a", pictures / "class00" / "0.png"]
    result = CliRunner().invoke(app, [*map(str, arguments), "--model", PLACE])
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "Assumed of that model:" in said
    assert "last_hidden_state ['batch', 17, 16] is pooled by cls (--pool)" in said


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("hf:somebody/else", "there is no hf:somebody/else@main"),
        (f"{PLACE}@v9", "no such revision"),
        (f"{PLACE}@../../x", "no such revision"),
        ("hf:../x", "is not hf:owner/name"),
        (PLACE, "holds no ONNX file"),
    ],
)
def test_a_place_without_a_model_leaves_nothing(
    place: str, said: str, server: Hub, tmp_path: Path
) -> None:
    server.commit("somebody/An.Encoder", {"config.json": b"{}"})
    with pytest.raises(PackError, match=said):
        holotype.open(tmp_path / "g.gallery", model=place)
    assert not [one for one in (tmp_path / "home").rglob("*") if one.is_file()]
    assert not (tmp_path / "g.gallery").exists()


def test_a_folder_that_was_lost_is_named(server: Hub, tmp_path: Path) -> None:
    server.commit("somebody/An.Encoder", {"onnx/model.onnx": encoder(tmp_path)})
    pictures = write_photos(tmp_path / "photos", classes=1, each=1)
    with holotype.open(tmp_path / "g.gallery", model=PLACE) as gallery:
        gallery.enroll("a", pictures / "class00" / "0.png")
    folder = load_pack(PLACE).path
    folder.rename(tmp_path / "moved")
    with pytest.raises(PackError, match=r"An\.Encoder.*is not there any more"):
        holotype.open(tmp_path / "g.gallery")
    with holotype.open(tmp_path / "g.gallery", model=PLACE) as gallery:
        assert list(gallery.gallery.labels()) == ["a"]
