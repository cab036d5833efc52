"""A process forks with a recognizer open: both go on, and both come to an end."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import textwrap
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from holotype.image import decode, prepare
from toy_packs import make_toy_pack, toy_drawing

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

BEGIN = """
    import gc, os, signal, sys, threading, time, warnings
    warnings.simplefilter("ignore")  # newer Pythons warn of a fork beside threads
    import holotype
    from holotype.image import prepare

    def ended(pid, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return "hangs"
"""


def run(folder: Path, script: str, *arguments: str) -> str:
    for name in ("a", "b", "c"):
        Image.fromarray(toy_drawing(ord(name))).save(folder / f"{name}.png")
    pack = make_toy_pack(folder / "pack")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(BEGIN + script), str(pack), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("end", ["exit", "del", "close", "_exit"])
def test_a_child_answers_enrolls_and_ends(tmp_path: Path, end: str) -> None:
    said = run(
        tmp_path,
        """
    desk = holotype.open("desk.gallery", sys.argv[1])
    desk.enroll("a", "a.png")
    pid = os.fork()
    if pid == 0:
        assert desk.identify("a.png", fpir=0.1).label == "a"
        desk.enroll("b", "b.png")
        match sys.argv[2]:
            case "close": desk.close()
            case "del": del desk; gc.collect()
            case "_exit": os._exit(7)
        sys.exit(7)
    print(ended(pid))
    assert desk.identify("b.png", fpir=0.1).label == "b"
    desk.enroll("c", "c.png")
    desk.close()
    with holotype.open("desk.gallery") as again:
        print(*again.list(), again.gallery.check().sound)
    """,
        end,
    )
    assert said.split() == ["7", "a", "b", "c", "True"]


def test_a_child_knows_who_was_forgotten_since_the_fork(tmp_path: Path) -> None:
    """SQLite counts the changes that a connection has seen; the child's begins to count anew."""
    said = run(
        tmp_path,
        """
    desk = holotype.open("desk.gallery", sys.argv[1])
    desk.enroll("a", "a.png")
    desk.enroll("b", "b.png")
    desk.close()
    desk = holotype.open("desk.gallery", sys.argv[1])
    assert desk.identify("a.png", fpir=0.1).label == "a"
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(read, 1)
        os._exit("a" in desk.state.labels)
    desk.forget("a")
    os.write(write, b"x")
    print(ended(pid))
    """,
    )
    assert said.split() == ["0"]


def test_a_child_opens_no_other_file_than_the_parent_had(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        """
    from holotype.errors import GalleryReplacedError
    desk = holotype.open("desk.gallery", sys.argv[1])
    desk.enroll("a", "a.png")
    desk.gallery.backup("copy.gallery")
    os.replace("copy.gallery", "desk.gallery")
    pid = os.fork()
    if pid == 0:
        try:
            desk.identify("a.png", fpir=0.1)
        except GalleryReplacedError:
            os._exit(7)
        os._exit(0)
    print(ended(pid))
    """,
    )
    assert said.split() == ["7"]


def test_forks_while_threads_decode_identify_and_enroll(tmp_path: Path) -> None:
    """Whatever lock a thread holds at that moment, the child does not wait for it."""
    said = run(
        tmp_path,
        """
    desk = holotype.open("desk.gallery", sys.argv[1])
    desk.enroll("a", "a.png")
    stop = threading.Event()
    def busy(work):
        while not stop.is_set():
            work()
    works = (lambda: prepare.read("a.png"), lambda: desk.identify("a.png", fpir=0.1),
             lambda: desk.enroll("b", "b.png"))
    threads = [threading.Thread(target=busy, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    ends = []
    import numpy as np
    others = np.random.default_rng(0).standard_normal((12, desk.embedding_dim))
    for number in range(12):
        time.sleep(0.013)
        pid = os.fork()
        if pid == 0:
            assert desk.identify("a.png", fpir=0.1).label == "a"
            desk.enroll("c", vectors=others[number])
            os._exit(0)
        ends.append(ended(pid))
    stop.set()
    for thread in threads:
        thread.join()
    print(set(ends), desk.list()["c"], desk.gallery.check().sound)
    desk.close()
    """,
    )
    assert said.split() == ["{0}", "12", "True"]


def test_threads_fork_at_the_same_time(tmp_path: Path) -> None:
    """None of them leaves a lock behind that another one of them took."""
    said = run(
        tmp_path,
        """
    from holotype.gallery import SqliteGallery
    sys.setswitchinterval(1e-6)
    stores = [SqliteGallery.open(f"{n}.gallery", "m", 8, model_name="m") for n in range(8)]
    def forks():
        for _ in range(40):
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
    threads = [threading.Thread(target=forks, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 60
    for thread in threads:
        thread.join(timeout=max(0, end - time.monotonic()))
    print(sum(thread.is_alive() for thread in threads), *(len(store.labels()) for store in stores))
    """,
    )
    assert said.split() == ["0"] * 9


def test_a_pool_made_by_fork_uses_what_was_loaded_before(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        """
    import multiprocessing
    desk = holotype.open("desk.gallery", sys.argv[1])
    desk.enroll("a", "a.png")
    def who(path):
        return desk.identify(path, fpir=0.1).label
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(*pool.map_async(who, ["a.png"] * 6).get(timeout=60))
        pool.close()
        pool.join()
    """,
    )
    assert said.split() == ["a"] * 6


def odd_tiff() -> bytes:
    """A picture that Pillow warns of: it holds a tag with too many values."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[271] = "x"
    buffer = io.BytesIO()
    Image.fromarray(toy_drawing(1)).save(buffer, "TIFF", tiffinfo=tags)
    return buffer.getvalue()


def test_threads_decode_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)
    pixels_of = decode._pixels_of_picture

    def waits(picture: Image.Image) -> object:
        both.wait(timeout=30)  # for the other thread, which has to be in here as well
        return pixels_of(picture)

    monkeypatch.setattr(decode, "_pixels_of_picture", waits)
    content = odd_tiff()
    results: list[object] = []
    threads = [
        threading.Thread(target=lambda: results.append(prepare.read(content))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    np.testing.assert_array_equal(*results)


def test_only_decoders_are_silenced_and_only_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels_of = decode._pixels_of_picture

    def warns(picture: Image.Image) -> object:
        warnings.warn_explicit("odd", UserWarning, "TiffImagePlugin.py", 1, "PIL.TiffImagePlugin")
        with pytest.warns(UserWarning, match="mine"):
            warnings.warn_explicit("mine", UserWarning, "mine.py", 1, "mine")
        return pixels_of(picture)

    monkeypatch.setattr(decode, "_pixels_of_picture", warns)
    before = list(warnings.filters)
    prepare.read(odd_tiff())  # a warning would be an error here
    assert list(warnings.filters) == before
    with pytest.warns(UserWarning, match="odd"):
        warnings.warn_explicit("odd", UserWarning, "TiffImagePlugin.py", 1, "PIL.TiffImagePlugin")
