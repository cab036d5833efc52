"""Store the model of `shelf` as its difference from that of `objects`: one network ships, not two.

    python build_packs/shared_network.py SHELF

SHELF is the folder of the whole pack, as `experiments/grocery.py WHEEL --pack SHELF` writes it.
All of it but `model.onnx` goes to the packs that ship. To be run anew when the model of `objects`
has changed.
"""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path

import numpy as np

from holotype.files import write_whole
from holotype.model.wire import content, field, fields
from holotype.pack import load_pack
from holotype.pack.reading import DIFFERENCE, SHIPPED

_GRAPH = 7  # of ModelProto
_LEAST = 64  # bytes that are worth a reference


def difference(model: bytes, shared: bytes) -> bytes:
    """What `holotype.pack.reading` restores a model from: the parts of it that `shared` has too.

    Args:
        model: an ONNX file.
        shared: another, with the same weights under the same names.
    """
    spans, sizes, between, since, at = list[tuple[int, int]](), list[int](), bytearray(), 0, 0
    for part in _parts(model):
        found = shared.find(part, at) if len(part) >= _LEAST else -1
        if found < 0:
            between += part
            continue
        at = found + len(part)
        if spans and spans[-1][1] == found and len(between) == since:
            spans[-1] = (spans[-1][0], at)
            continue
        spans.append((found, at))
        sizes.append(len(between) - since)
        since = len(between)
    file = io.BytesIO()
    np.savez_compressed(
        file,
        spans=np.array(spans, np.int64).reshape(-1, 2),
        sizes=np.array(sizes, np.int64),
        between=np.frombuffer(bytes(between), np.uint8),
    )
    return file.getvalue()


def _parts(model: bytes) -> list[bytes]:
    """An ONNX file in pieces: its nodes and weights one by one."""
    (graph,) = (content(value) for number, value in fields(memoryview(model)) if number == _GRAPH)
    inner = [field(number, value) for number, value in fields(graph)]
    whole = b"".join(inner)
    start = model.find(whole)
    if start < 0:
        raise SystemExit("the model is not written as this program writes")
    return [model[:start], *inner, model[start + len(whole) :]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shelf", type=Path, help="folder of the whole pack `shelf`")
    whole = load_pack(parser.parse_args().shelf.resolve())
    target = SHIPPED / "shelf"
    target.mkdir(exist_ok=True)
    for file in whole.files:
        if file != "model.onnx":
            shutil.copyfile(whole.path / file, target / file)
    shared = (SHIPPED / "objects" / "model.onnx").read_bytes()
    write_whole(target / DIFFERENCE, difference(whole.model(), shared))
    print("wrote", target, load_pack("shelf").card.model_id, f"{_size(target):,} bytes")


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


if __name__ == "__main__":
    main()
