"""A repository becomes a pack: what the usual ones hold is read, and what is missing is said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from typer.testing import CliRunner

from holotype.cli.app import app
from holotype.domains.declared import Notes
from holotype.embedder import Embedder
from holotype.errors import PackError
from holotype.pack import load_pack
from holotype.packing import conventions, repository
from holotype.packing.repository import fetched
from holotype.packing.verify import verify_pack
from holotype.stats.scoring import unit
from packing import layouts
from packing.hub_server import Hub, running
from toy_photos import write_photos
from toy_texts import toy_tokenizer

PLACE = "hf:somebody/encoder"
CLIP_PROCESSOR = {
    "crop_size": {"height": 32, "width": 32},
    "do_center_crop": True,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.48, 0.46, 0.41],
    "image_processor_type": "CLIPImageProcessor",
    "image_std": [0.27, 0.26, 0.28],
    "resample": 3,
    "rescale_factor": 1 / 255,
    "size": {"shortest_edge": 32},
}
README = b"---\nlicense: mit\ntags:\n- clip\n- vision\n---\n# An encoder\n"
Files = dict[str, bytes]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with running() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        yield server


def holding(server: Hub, files: Files) -> Hub:
    server.commits["somebody/encoder"] = {}
    server.commit("somebody/encoder", files)
    return server


def written(write: Callable[[Path], object], path: Path) -> bytes:
    write(path)
    return path.read_bytes()


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.fixture
def clip(tmp_path: Path) -> Files:
    eye = written(layouts.clip_vision, tmp_path / "a.onnx")
    return {
        "README.md": README,
        "config.json": as_json({"model_type": "clip"}),
        "preprocessor_config.json": as_json(CLIP_PROCESSOR),
        "modeling_clip.py": b"raise SystemExit",
        "pytorch_model.bin": b"pickle",
        "onnx/model.onnx": written(layouts.clip, tmp_path / "b.onnx"),
        "onnx/text_model.onnx": b"of words",
        "onnx/vision_model.onnx": eye,
        "onnx/vision_model_fp16.onnx": eye,
        "onnx/vision_model_q4.onnx": eye,
    }


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["pack", "build", *map(str, arguments)])


def test_one_command(server: Hub, clip: Files, tmp_path: Path) -> None:
    holding(server, clip)
    result = run("--from", PLACE, "--name", "eye", "--out", tmp_path / "eye")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "assumed: onnx/vision_model.onnx is meant, of onnx/model.onnx, onnx/text" in said
    assert "understood: README.md: license mit; tags clip, vision" in said
    assert "No background was given, so it has no cohort" in said
    card = json.loads((tmp_path / "eye" / "card.json").read_text())
    assert card["license"] == "mit"
    assert card["encoder"]["source"].endswith(", onnx/vision_model.onnx")
    assert "whoever uses them answers for it" in card["encoder"]["licence of its weights"]
    assert card["preprocessing"]["resample"] == "bicubic"
    assert card["preprocessing"]["mean"] == pytest.approx([0.48, 0.46, 0.41])
    assert not [one for one in server.asked if ".py" in one or ".bin" in one or "fp16" in one]


def test_with_a_background_it_is_measured(server: Hub, clip: Files, tmp_path: Path) -> None:
    holding(server, clip)
    pictures = write_photos(tmp_path / "stripes")
    result = run(
        "--from", PLACE, "--background", pictures, "--name", "eye", "--out", tmp_path / "eye",
        "--precision", "fp16", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    said = json.loads(result.output)
    assert said["classes"] == {"background": 4, "cohort": 8, "held out": 4}
    assert any("vision_model_fp16.onnx" in one for one in said["understood"])
    assert said["promise"]


def test_what_is_stated_counts_more(server: Hub, clip: Files, tmp_path: Path) -> None:
    holding(server, clip)
    out = tmp_path / "eye"
    result = run(
        "--from", PLACE, "--onnx", "onnx/model.onnx", "--name", "eye", "--out", out,
        "--output", "image_embeds", "--fit", "stretch", "--license", "mine",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    card = json.loads((out / "card.json").read_text())
    assert card["license"] == "mine"
    assert card["preprocessing"]["fit"] == "stretch"
    assert "share" not in card["preprocessing"]


@pytest.fixture
def both(clip: Files, tmp_path: Path) -> Files:
    """Of CLIP the two halves that a text can be asked of."""
    return clip | {
        "onnx/text_model.onnx": written(layouts.clip_text, tmp_path / "t.onnx"),
        "tokenizer.json": toy_tokenizer(),
        "tokenizer_config.json": as_json({"model_max_length": 12}),
    }


def test_a_text_side_comes_with_its_eye(server: Hub, both: Files, tmp_path: Path) -> None:
    holding(server, both)
    out = tmp_path / "eye"
    result = run("--from", PLACE, "--name", "eye", "--out", out)
    assert result.exit_code == 0, result.output
    assert "onnx/text_model.onnx: its text side" in " ".join(result.output.split())
    pack = load_pack(out)
    assert pack.text is not None
    assert pack.text.card.encoder["source"].endswith("onnx/text_model.onnx")
    assert pack.text.card.preprocessing.own.pieces == 12
    done = verify_pack(out).done
    assert sum(one.startswith("its text side: ") for one in done) == 7
    words = Embedder(pack).words
    assert words is not None
    (vector,) = words.embed(["please cancel my order"])
    eye = onnxruntime.InferenceSession(both["onnx/text_model.onnx"])
    ids = np.array([words.reader.read("please cancel my order").ids])
    (expected, _) = eye.run(None, {"input_ids": ids})
    np.testing.assert_allclose(vector, unit(expected)[0], atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"tokenizer.json": None}, ""),
        ({"onnx/text_model.onnx": None}, ""),
        ({"config.json": as_json({"model_type": "siglip"})}, "its text side is left out"),
    ],
)
def test_no_text_side(
    server: Hub, both: Files, tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    holding(server, {k: v for k, v in {**both, **changes}.items() if v is not None})
    out = tmp_path / "eye"
    result = run("--from", PLACE, "--name", "eye", "--out", out)
    assert result.exit_code == 0, result.output
    assert named in " ".join(result.output.split())
    assert load_pack(out).text is None


def test_weights_beside_it_are_fetched(server: Hub, tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    layouts.outside(tmp_path / "onnx" / "model.onnx")
    files = {f"onnx/{path.name}": path.read_bytes() for path in (tmp_path / "onnx").iterdir()}
    assert sorted(files) == ["onnx/model.onnx", "onnx/model.onnx_data"]
    holding(server, files)
    result = run("--from", PLACE, "--name", "eye", "--out", tmp_path / "eye")
    assert result.exit_code == 0, result.output
    del files["onnx/model.onnx_data"]
    holding(server, files)
    result = run("--from", PLACE, "--name", "eye", "--out", tmp_path / "eye2")
    assert "lie in 'model.onnx_data', which hf:somebody/encoder does not hold" in result.output


def test_words_of_sentence_transformers(server: Hub, tmp_path: Path) -> None:
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds)
    ]
    pooling = {"word_embedding_dimension": 16, "pooling_mode_cls_token": True}
    bert = written(layouts.bert, tmp_path / "a.onnx")
    holding(
        server,
        {
            "modules.json": as_json(modules),
            "1_Pooling/config.json": as_json(pooling),
            "config.json": as_json({"model_type": "bert"}),
            "onnx/model.onnx": bert,
            "onnx/model_O4.onnx": bert,
            "onnx/model_qint8_avx512_vnni.onnx": bert,
        },
    )
    result = run("--from", PLACE, "--name", "words", "--out", tmp_path / "words")
    assert result.exit_code == 0, result.output
    assert "sentence-transformers: pooled by cls" in result.output
    from holotype.pack import load_pack

    embedder = Embedder(load_pack(tmp_path / "words"))
    ids = np.arange(6)[None]
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": 0 * ids}
    assert embedder.embed_tensors(feed).shape == (1, 16)


@pytest.mark.parametrize(
    ("changes", "arguments", "said"),
    [
        (
            {"onnx/vision_model.onnx": None},
            ["--precision", "int4"],
            "no ONNX file of precision int4",
        ),
        ({}, ["--onnx", "onnx/eye.onnx"], "has no onnx/eye.onnx; its ONNX files are onnx/model"),
        ({"preprocessor_config.json": b"{"}, [], "preprocessor_config.json of .* is not readable"),
        (
            {
                "preprocessor_config.json": as_json(
                    {"auto_map": {"AutoImageProcessor": "processing.Own"}, **CLIP_PROCESSOR}
                )
            },
            [],
            r"prepared by code of its own \(processing.Own\), which is never run",
        ),
        ({"onnx/vision_model.onnx": b"<html>"}, [], "Export it as a plain network"),
    ],
)
def test_what_a_repository_may_be(
    changes: dict[str, bytes | None],
    arguments: list[str],
    said: str,
    server: Hub,
    clip: Files,
    tmp_path: Path,
) -> None:
    holding(server, {k: v for k, v in {**clip, **changes}.items() if v is not None})
    result = run("--from", PLACE, "--name", "eye", "--out", tmp_path / "eye", *arguments)
    assert result.exit_code != 0
    assert re.search(said, " ".join(result.output.split()))
    assert not (tmp_path / "eye").exists()


def test_code_that_wants_to_run_is_passed_by(server: Hub, clip: Files, tmp_path: Path) -> None:
    own = {"auto_map": {"AutoImageProcessor": "processing.Own"}}
    holding(
        server,
        {
            **clip,
            "config.json": as_json({"auto_map": {"AutoModel": "modeling.Own"}}),
            "preprocessor_config.json": as_json(own),
            "processing.py": b"raise SystemExit",
        },
    )
    result = run(
        "--from", PLACE, "--name", "eye", "--out", tmp_path / "eye",
        "--mean", "0.5", "--std", "0.5", "--fit", "crop",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "its own code is neither fetched nor run" in " ".join(result.output.split())
    assert not [one for one in server.asked if ".py" in one]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"config.json": as_json({"model_type": "vit"})}, "--task feature-extraction exported"),
        ({"config.json": as_json({"model_type": "clip"})}, "--task zero-shot-image-classification"),
        ({"modules.json": b"[]"}, "--task sentence-similarity"),
    ],
)
def test_without_onnx_it_says_how_to_export(files: Files, said: str, server: Hub) -> None:
    holding(server, {**files, "model.safetensors": b"."})
    command = "optimum-cli export onnx --model somebody/encoder"
    with pytest.raises(PackError, match=f"holds no ONNX file.*{command} {said}"), fetched(PLACE):
        pass


def test_five_of_them(server: Hub) -> None:
    holding(server, {f"{name}.onnx": b"." for name in ("a", "b", "c", "d", "e")})
    said = r"5 ONNX files that could be meant: a\.onnx, b\.onnx.*\(--onnx\)"
    with pytest.raises(PackError, match=said), fetched(PLACE):
        pass


def test_the_only_one_is_taken(server: Hub, tmp_path: Path) -> None:
    holding(server, {"onnx/net_quantized.onnx": written(layouts.convolution, tmp_path / "a.onnx")})
    with fetched(PLACE) as found:
        assert found.model.name == "net_quantized.onnx"
        precision, license = found.notes.assumed
        assert precision == "precision quantized, which is all that there is"
        assert license == "you may use its weights: no license is stated"


@pytest.mark.parametrize(
    ("head", "license", "assumed"),
    [
        ("license: apache-2.0", "apache-2.0", ""),
        ("license: cc-by-nc-4.0", "cc-by-nc-4.0", "your use is one that its license, cc-by-nc-4.0"),
        (
            "license: other\nlicense_name: faces-research",
            "faces-research",
            "faces-research, allows",
        ),
        ("license: other", "other", "its license, other, allows; it may forbid some, so read it"),
        ("tags: [x]", "not stated", "no license is stated"),
        ("license: [", "not stated", "no license is stated"),
    ],
)
def test_a_licence_that_may_forbid_is_named(
    head: str, license: str, assumed: str, server: Hub, tmp_path: Path
) -> None:
    model = written(layouts.convolution, tmp_path / "a.onnx")
    holding(server, {"model.onnx": model, "README.md": f"---\n{head}\n---\n".encode()})
    with fetched(PLACE) as found:
        assert found.license == license
        (*said,) = found.notes.assumed
    assert assumed in " ".join(said)
    assert bool(said) == bool(assumed)


def test_gated_vanished_and_cut(
    server: Hub, clip: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PackError, match="there is no hf:somebody/encoder"), fetched(PLACE):
        pass
    holding(server, clip)
    with pytest.raises(PackError, match="no such revision"), fetched(f"{PLACE}@{'0' * 40}"):
        pass
    server.gated.add("somebody/encoder")
    said = "is gated: its owner says who may fetch it.*hf auth login"
    with pytest.raises(PackError, match=said), fetched(PLACE):
        pass
    server.gated.clear()
    server.cut.add("onnx/vision_model.onnx")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(PackError, match=r"cannot be reached|ends too soon"), fetched(PLACE):
        pass
    assert sorted(one for one in tmp_path.iterdir() if one.name != "home") == before


def test_too_large_a_model_is_not_fetched(
    server: Hub, clip: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding(server, clip)
    monkeypatch.setitem(repository.LIMIT_BYTES, "model.onnx", 100)
    with (
        pytest.raises(PackError, match=r"bytes; at most 100 are fetched.*--precision"),
        fetched(PLACE),
    ):
        pass
    assert not [one for one in server.asked if "/resolve/" in one and ".onnx" in one]


VIT = {
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 224, "width": 224},
}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            VIT,
            {"fit": "stretch", "size_px": 224, "width_px": 224, "resample": "bilinear",
             "mean": [0.5] * 3, "std": [0.5] * 3},
        ),
        # DINOv2: the middle 224 of 256
        (
            {**VIT, "size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224},
             "do_center_crop": True, "resample": 3},
            {"fit": "crop", "share": 0.875, "size_px": 224, "resample": "bicubic"},
        ),
        # the oldest: whole numbers in place of sides
        ({"size": 224, "crop_size": 224, "image_mean": [0.5] * 3, "image_std": [0.5] * 3},
         {"fit": "crop", "size_px": 224, "mean": [0.5] * 3}),
        # text on a strip
        ({"do_normalize": False, "do_rescale": True, "size": {"height": 32, "width": 128}},
         {"size_px": 32, "width_px": 128, "mean": [0.0], "std": [1.0]}),
        # from 0 to 255 as they are
        ({"do_normalize": False, "do_rescale": False, "size": 64}, {"std": [1 / 255]}),
        # from -1 to 1, by a factor and an offset
        ({**VIT, "rescale_factor": 1 / 127.5, "rescale_offset": True, "do_normalize": False},
         {"mean": [0.5], "std": [0.5]}),
        ({**VIT, "do_flip_channel_order": True}, {"bgr": True}),
        ({**VIT, "size": {"longest_edge": 512}}, {"fit": "pad", "size_px": 512}),
        ({**VIT, "size": {"shortest_edge": 224}, "crop_pct": 0.875},
         {"fit": "crop", "share": 0.875, "size_px": 224}),
        ({**VIT, "size": {"shortest_edge": 384}, "crop_pct": 0.875}, {"fit": "stretch"}),
    ],
)  # fmt: skip
def test_processors(config: dict[str, Any], expected: dict[str, Any]) -> None:
    stated = conventions.of_processor(config, Notes())
    for key, value in expected.items():
        assert stated.get(key) == (value if isinstance(value, str) else pytest.approx(value))


def test_what_a_pack_cannot_do_as_said_is_noted() -> None:
    notes = Notes()
    conventions.of_processor({**VIT, "do_image_splitting": True, "resample": 5}, notes)
    assert "the step do_image_splitting of its processor may be left out" in notes.assumed
    assert "resampling number 5 is taken for bilinear" in notes.assumed


def test_other_conventions() -> None:
    timm = {"input_size": [3, 240, 320], "mean": [0.1] * 3, "std": [0.2] * 3, "crop_pct": 0.9,
            "interpolation": "bicubic"}  # fmt: skip
    assert conventions.of_timm(timm, Notes()) == {
        "fit": "crop", "size_px": 240, "width_px": 320, "mean": [0.1] * 3, "std": [0.2] * 3,
        "share": 0.9, "resample": "bicubic",
    }  # fmt: skip
    squash = {"preprocess_cfg": {"resize_mode": "squash", "mean": [0.5]},
              "model_cfg": {"vision_cfg": {"image_size": 256}}}  # fmt: skip
    assert conventions.of_open_clip(squash, Notes()) == {
        "fit": "stretch", "resample": "bicubic", "size_px": 256, "mean": [0.5],
    }  # fmt: skip
    assert conventions.of_pooling({"pooling_mode": "max"}, Notes()) == "max"
    notes = Notes()
    assert conventions.of_pooling({"pooling_mode_lasttoken": True}, notes) == "mean"
    assert "its pooling, pooling_mode_lasttoken, is taken for mean" in notes.assumed


def test_a_processor_prepares_as_transformers_does(tmp_path: Path) -> None:
    """Resize the shorter side, cut the middle, scale and normalize: the steps one by one."""
    from holotype.image.prepare import prepare
    from holotype.model.graph import Graph, Input
    from holotype.packing.model_input import preprocessing_for

    config = {**VIT, "size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}}
    stated = conventions.of_processor(config, Notes())
    graph = Graph((), (Input("pixel_values", ("batch", 3, "height", "width")),), ("x",))
    preprocessing = preprocessing_for(graph, **stated)
    tones = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(tones).resize((160, 128), Image.Resampling.BICUBIC)
    resized = np.asarray(picture.resize((50, 40), Image.Resampling.BILINEAR), np.float32)
    middle = resized[4:36, 9:41].transpose(2, 0, 1) / 255
    np.testing.assert_allclose(prepare(picture, preprocessing), (middle - 0.5) / 0.5, atol=0.08)
