from __future__ import annotations

import hashlib
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from holotype.datasets import fetch as fetch_module
from holotype.datasets.catalogue import OMNIGLOT_FILE, load_dataset
from holotype.datasets.download import OFFICIAL, Source, download_omniglot
from holotype.datasets.fetch import ATTEMPTS, fetch
from holotype.datasets.lake import LAKE_RUNS_FILE, lake_runs
from holotype.datasets.splits import VINYALS_FOLDER, VINYALS_SIZES
from holotype.errors import DataError


@dataclass
class Site:
    """A local HTTP server, and how it misbehaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    url: str = ""
    ranges: bool = True
    lengths: bool = True
    break_after: list[int] = field(default_factory=list)  # bytes sent by the next answers
    failures: list[int] = field(default_factory=list)  # statuses of the next answers
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path, Range


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append((self.path, wanted))
            content = state.files.get(self.path)
            if state.failures:
                self.send_error(state.failures.pop(0))
                return
            if content is None:
                self.send_error(404)
                return
            first = 0
            if wanted and state.ranges:
                first = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])  # type: ignore[index]
                if first >= len(content):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(content)}")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header(
                    "Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}"
                )
            else:
                self.send_response(200)
            if state.lengths:
                self.send_header("Content-Length", str(len(content) - first))
            self.end_headers()
            body = content[first:]
            if state.break_after:
                body = body[: state.break_after.pop(0)]
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(fetch_module, "_FIRST_PAUSE_S", 0.001)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        server.shutdown()
        thread.join()


CONTENT = np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def target(site: Site, tmp_path: Path) -> Path:
    site.files["/file"] = CONTENT
    return tmp_path / "file.bin"


def leftovers(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_a_file_arrives_with_progress(site: Site, target: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    digest = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    fetch(f"{site.url}/file", target, lambda *args: told.append(args), md5=digest)
    assert target.read_bytes() == CONTENT
    assert leftovers(target) == ["file.bin"]
    assert told[-1] == ("file.bin", 300_000, 300_000)
    assert [done for _, done, _ in told] == sorted({done for _, done, _ in told})


def test_a_broken_transfer_goes_on_where_it_broke(site: Site, target: Path) -> None:
    site.break_after = [100_000, 50_000]
    fetch(f"{site.url}/file", target)
    assert target.read_bytes() == CONTENT
    assert [wanted for _, wanted in site.asked] == [None, "bytes=100000-", "bytes=150000-"]


def test_a_later_call_goes_on_as_well(site: Site, target: Path) -> None:
    site.break_after = [1000] * ATTEMPTS
    with pytest.raises(DataError, match="broke off"):
        fetch(f"{site.url}/file", target)
    assert leftovers(target) == ["file.bin.part"]
    fetch(f"{site.url}/file", target)
    assert target.read_bytes() == CONTENT
    assert site.asked[-1][1] == f"bytes={1000 * ATTEMPTS}-"


def test_a_server_without_ranges_starts_anew(site: Site, target: Path) -> None:
    site.ranges = False
    site.break_after = [100_000]
    fetch(f"{site.url}/file", target)
    assert target.read_bytes() == CONTENT


def test_a_server_that_tells_no_length(site: Site, target: Path) -> None:
    site.lengths = False
    told: list[int | None] = []
    fetch(f"{site.url}/file", target, lambda name, done, total: told.append(total))
    assert target.read_bytes() == CONTENT
    assert set(told) == {None}


def test_a_part_that_is_already_whole(site: Site, target: Path) -> None:
    (target.parent / "file.bin.part").write_bytes(CONTENT)
    fetch(f"{site.url}/file", target)
    assert target.read_bytes() == CONTENT


def test_a_part_of_something_longer_is_dropped(site: Site, target: Path) -> None:
    (target.parent / "file.bin.part").write_bytes(CONTENT + b"more")
    fetch(f"{site.url}/file", target)
    assert target.read_bytes() == CONTENT


def test_a_wrong_digest_is_refused_and_removed(site: Site, target: Path) -> None:
    with pytest.raises(DataError, match=r"MD5 is .* instead of 0000"):
        fetch(f"{site.url}/file", target, md5="0000")
    assert leftovers(target) == []


def test_a_missing_file_is_refused_at_once(site: Site, target: Path) -> None:
    with pytest.raises(DataError, match="HTTP status 404"):
        fetch(f"{site.url}/nothing", target)
    assert len(site.asked) == 1
    assert leftovers(target) == []


def test_a_busy_server_is_asked_again(site: Site, target: Path) -> None:
    site.failures = [503, 429]
    fetch(f"{site.url}/file", target)
    assert target.read_bytes() == CONTENT
    site.failures = [500] * ATTEMPTS
    with pytest.raises(DataError, match="HTTP status 500"):
        fetch(f"{site.url}/file", target)


def test_no_server_is_told_plainly(
    site: Site, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_port
    with pytest.raises(DataError, match="could not be reached"):
        fetch(f"http://127.0.0.1:{port}/file", target)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a full disk")
def test_a_full_disk_is_told_plainly(site: Site, target: Path) -> None:
    (target.parent / "file.bin.part").symlink_to("/dev/full")
    with pytest.raises(DataError, match=r"cannot be written .*[Nn]o space left"):
        fetch(f"{site.url}/file", target)


def drawing(rng: np.random.Generator, side_px: int = 105) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rng.random((side_px, side_px)) < 0.9).save(stream, "PNG")
    return stream.getvalue()


def characters(
    part: str, alphabets: dict[str, int], drawers: int, side_px: int = 105, spoil: str = ""
) -> bytes:
    """An archive laid out like the official ones, with a few characters."""
    rng = np.random.default_rng(len(part))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(f"{part}/", b"")
        archive.writestr(f"__MACOSX/{part}/._Greek", b"not a drawing")
        archive.writestr("../../outside.png", b"never written")
        number = 0
        for alphabet, count in alphabets.items():
            for character in range(1, count + 1):
                number += 1
                for drawer in range(1, drawers + 1):
                    name = f"{part}/{alphabet}/character{character:02d}/{number:04d}_{drawer:02d}"
                    if name != f"{part}/{spoil}":
                        archive.writestr(f"{name}.png", drawing(rng, side_px))
    return stream.getvalue()


def runs() -> bytes:
    rng = np.random.default_rng(9)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for run in range(1, 21):
            order = rng.permutation(20) + 1
            for item in range(1, 21):
                archive.writestr(f"run{run:02d}/test/item{item:02d}.png", drawing(rng))
                archive.writestr(f"run{run:02d}/training/class{item:02d}.png", drawing(rng))
            pairs = [
                f"run{run:02d}/test/item{i + 1:02d}.png run{run:02d}/training/class{c:02d}.png"
                for i, c in enumerate(order)
            ]
            archive.writestr(f"run{run:02d}/class_labels.txt", "\n".join(pairs) + "\n")
    return stream.getvalue()


@pytest.fixture
def source(site: Site) -> Source:
    parts = {
        "images_background": characters("images_background", {"Latin": 2, "Greek": 3}, 2),
        "images_evaluation": characters("images_evaluation", {"ULOG": 2}, 2),
    }
    site.files = {f"/python/{name}.zip": content for name, content in parts.items()}
    site.files["/python/one-shot-classification/all_runs.zip"] = runs()
    for part, size in VINYALS_SIZES.items():
        lines = [f"Greek/character{i:04d}/rot090" for i in range(size)]
        site.files[f"/splits/{part}.txt"] = "\n".join(lines).encode()
    return Source(
        base_url=f"{site.url}/python",
        vinyals_url=f"{site.url}/splits",
        characters={"images_background": 5, "images_evaluation": 2},
        md5={
            name: hashlib.md5(content, usedforsecurity=False).hexdigest()
            for name, content in parts.items()
        },
        drawers=2,
    )


def test_omniglot_is_fetched_and_packed(site: Site, source: Source, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert download_omniglot(folder, source=source) == folder
    kept = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert kept == sorted(
        [OMNIGLOT_FILE, LAKE_RUNS_FILE]
        + [str(Path(VINYALS_FOLDER) / f"{part}.txt") for part in VINYALS_SIZES]
    )
    assert not list(tmp_path.glob("*.png"))
    dataset = load_dataset(folder)
    assert dataset.class_names == (
        "Greek/character01", "Greek/character02", "Greek/character03",
        "Latin/character01", "Latin/character02", "ULOG/character01", "ULOG/character02",
    )  # fmt: skip
    assert dataset.class_index.tolist() == [c for c in range(7) for _ in range(2)]
    assert dataset.drawer is not None
    assert dataset.drawer.tolist() == [1, 2] * 7
    with zipfile.ZipFile(io.BytesIO(site.files["/python/images_background.zip"])) as archive:
        stored = archive.read("images_background/Latin/character02/0002_02.png")
    picture = np.asarray(Image.open(io.BytesIO(stored)))
    np.testing.assert_array_equal(dataset.images[9], picture * np.uint8(255))
    assert lake_runs(folder / LAKE_RUNS_FILE)[0].shape == (800, 105, 105)


def test_what_is_there_is_not_fetched_again(site: Site, source: Source, tmp_path: Path) -> None:
    site.files.pop("/splits/val.txt")
    with pytest.raises(DataError, match="HTTP status 404"):
        download_omniglot(tmp_path, source=source)
    site.files["/splits/val.txt"] = b"\n".join(b"A/character%04d/rot000" % i for i in range(688))
    site.asked.clear()
    download_omniglot(tmp_path, source=source)
    assert [path for path, _ in site.asked] == ["/splits/val.txt", "/splits/test.txt"]
    site.asked.clear()
    download_omniglot(tmp_path, source=source)
    assert site.asked == []


def test_archives_that_are_not_omniglot_are_refused(
    site: Site, source: Source, tmp_path: Path
) -> None:
    evaluation = "/python/images_evaluation.zip"
    unchecked = replace(source, md5={})
    for content, reason in [
        (b"<html>", "not a zip file"),
        (characters("images_evaluation", {"ULOG": 3}, 2), "3 characters instead of 2"),
        (characters("images_evaluation", {"ULOG": 2}, 3), "instead of 2 x 2"),
        (characters("images_evaluation", {"ULOG": 2}, 2, side_px=28), "28 x 28 px"),
        (
            characters("images_evaluation", {"ULOG": 2}, 2, spoil="ULOG/character01/0001_01"),
            "lacks drawing 1",
        ),
    ]:
        site.files[evaluation] = content
        with pytest.raises(DataError, match=reason):
            download_omniglot(tmp_path, source=unchecked)
        assert not (tmp_path / "images_evaluation.zip").exists()
        assert not (tmp_path / OMNIGLOT_FILE).exists()
    with pytest.raises(DataError, match="MD5"):
        download_omniglot(tmp_path, source=source)


def test_runs_and_lists_are_checked_by_their_contents(
    site: Site, source: Source, tmp_path: Path
) -> None:
    site.files["/splits/val.txt"] = b"Greek/character01/rot000\n"
    with pytest.raises(DataError, match="1 classes instead of 688"):
        download_omniglot(tmp_path, source=source)
    (tmp_path / LAKE_RUNS_FILE).unlink()
    site.files["/python/one-shot-classification/all_runs.zip"] = b"<html>"
    with pytest.raises(DataError, match="does not hold the 20 runs"):
        download_omniglot(tmp_path, source=source)
    assert not (tmp_path / LAKE_RUNS_FILE).exists()


def test_a_folder_that_cannot_be_made_is_refused(source: Source, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot be created"):
        download_omniglot(tmp_path / "file" / "data", source=source)


def test_the_official_source_is_complete() -> None:
    assert sum(OFFICIAL.characters.values()) == 1623
    assert OFFICIAL.drawers == 20
    assert set(OFFICIAL.md5) == set(OFFICIAL.characters)
