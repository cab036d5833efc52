"""A gallery in an open form, and back."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from holotype.errors import GalleryError, LabelError
from holotype.gallery import SqliteGallery

PNG = b"\x89PNG one"


@pytest.fixture
def full(open_gallery, rows) -> SqliteGallery:
    """Ada with two examples and a picture of each, Bob with one, three strangers, and a review
    that Cy, who is merged into Bob since, was taken for one who is none of them.
    """
    gallery = open_gallery(keep_pictures=True)
    gallery.add(
        "Ada", rows(0, 2), consent="form 7", retain_until=date(2999, 1, 2), pictures=[PNG, b"two"]
    )
    gallery.add("Bob \u2603", rows(1), pictures=[b"\xff\xd8\xff three"])
    gallery.add_strangers(rows(2, 3), [0, 1, 1])
    gallery.add("Cy", rows(4), pictures=[b"BM four"])
    said = {"similarity": 0.9, "threshold": 0.5, "rate_kind": "fpir", "rate": 0.1}
    wrong = {"answer": "match", "identity": gallery.records()[2].id, **said}
    gallery.feedback(gallery.snapshot().sign(wrong), False, strangers=rows(5))
    seen = {"answer": "unknown", "identity": gallery.records()[0].id, **said}
    ada = gallery.records()[0].id
    gallery.feedback(
        gallery.snapshot().sign(seen),
        False,
        identity=ada,
        examples=rows(6),
        pictures=[b"GIF8 five"],
    )
    gallery.merge("Cy", "Bob \u2603")
    return gallery


@pytest.fixture
def out(full: SqliteGallery, tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    full.export(folder, actor="clerk")
    return folder


def facts(gallery: SqliteGallery) -> list[tuple[object, ...]]:
    return [
        (one.id, one.label, one.examples, one.pictures, one.created, one.consent, one.retain_until)
        for one in gallery.records()
    ]


@pytest.mark.usefixtures("path")
def test_an_export_can_be_read_by_any_program(full: SqliteGallery, out: Path) -> None:
    ada, bob = (json.loads(line) for line in (out / "identities.jsonl").read_text().splitlines())
    assert (ada["label"], ada["consent"], ada["retain_until"]) == ("Ada", "form 7", "2999-01-02")
    assert ada["id"] == full.records()[0].id
    assert bob["label"] == "Bob \u2603"
    vectors = np.load(out / "examples.npy", allow_pickle=False)
    snapshot = full.snapshot()
    at = [example["row"] for one in (ada, bob) for example in one["examples"]]
    # In the order of the file: examples keep theirs, also when they get another owner.
    order = np.argsort(snapshot.owner, kind="stable")
    np.testing.assert_array_equal(vectors[at], snapshot.vectors[order])
    pictures = [example["picture"] for one in (ada, bob) for example in one["examples"]]
    assert [(out / name).read_bytes() for name in pictures] == [
        PNG,
        b"two",
        b"GIF8 five",
        b"\xff\xd8\xff three",
        b"BM four",
    ]
    suffixes = [Path(name).suffix for name in pictures]
    assert suffixes == [".png", ".picture", ".gif", ".jpg", ".bmp"]
    wrong, missed = (json.loads(line) for line in (out / "reviews.jsonl").read_text().splitlines())
    assert (wrong["identity"], wrong["correct"]) == (bob["id"], False)  # who Cy is now
    assert [example.get("decision") for example in ada["examples"]] == [
        *(None, None),
        missed["decision"],
    ]
    own = [json.loads(line) for line in (out / "strangers.jsonl").read_text().splitlines()]
    assert [row["decision"] for row in own] == [*3 * [None], wrong["decision"]]
    assert np.load(out / "strangers.npy").shape == (4, 8)
    manifest = json.loads((out / "manifest.json").read_text())
    assert (manifest["identities"], manifest["examples"], manifest["strangers"]) == (2, 5, 4)
    named = {os.fspath(file.relative_to(out)) for file in out.rglob("*") if file.is_file()}
    assert named == {*manifest["files"], "manifest.json"}
    assert "float32 [5, 8]" in (out / "README.md").read_text()


def test_an_export_is_for_its_owner_alone_and_on_record(full: SqliteGallery, out: Path) -> None:
    for file in (out, *out.rglob("*")):
        assert stat.S_IMODE(file.stat().st_mode) in (0o600, 0o700)
    last = full.audit()[-1]
    assert (last.action, last.actor, last.identity) == ("export", "clerk", None)
    assert [file.name for file in out.parent.iterdir() if file.name.startswith(".")] == []


def test_there_and_back_is_the_same(full: SqliteGallery, out: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.gallery"
    done = SqliteGallery.take_in(out, new, actor="clerk")
    assert (done.identities, done.examples, done.pictures, done.strangers) == (2, 5, 5, 4)
    assert done.reviews == 2
    assert (done.already, done.pictures_left) == (0, 0)
    with SqliteGallery.existing(new) as again:
        assert facts(again) == facts(full)
        for label in full.labels():
            for one, other in zip(full.examples(label), again.examples(label), strict=True):
                assert (one.created, one.decision) == (other.created, other.decision)
                assert full.picture(one.id) == again.picture(other.id)
        mine, theirs = full.snapshot(), again.snapshot()
        order = np.argsort(mine.owner, kind="stable")
        np.testing.assert_array_equal(theirs.vectors, mine.vectors[order])
        np.testing.assert_array_equal(theirs.strangers.vectors, mine.strangers.vectors)
        np.testing.assert_array_equal(theirs.strangers.turned, mine.strangers.turned)
        assert theirs.strangers.turned.sum() == 1
        assert again.feedback_summary() == full.feedback_summary()
        assert [(f.decision, f.given, f.examples, f.strangers) for f in again.feedbacks()] == [
            (f.decision, f.given, f.examples, f.strangers) for f in full.feedbacks()
        ]
        assert {f.identity for f in again.feedbacks()} <= {one.id for one in full.records()}
        assert again.keep_pictures
        assert again.check().sound
        _, *lines, last = again.audit()
        assert [(entry.action, entry.identity) for entry in lines] == [
            ("enroll", one.id) for one in full.records()
        ]
        assert (last.action, last.actor, last.facts["examples"]) == ("import", "clerk", 5)
        # A second time nothing is added.
        done = SqliteGallery.take_in(out, new)
        assert (done.identities, done.examples, done.strangers, done.already) == (0, 0, 0, 5)
        assert done.reviews == 0
        assert facts(again) == facts(full)
        assert again.audit()[-1] == last


def test_reviews_that_came_along_are_undone_and_erased_like_others(
    full: SqliteGallery, out: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new.gallery"
    SqliteGallery.take_in(out, new)
    _, missed = full.feedbacks()
    with SqliteGallery.existing(new) as again:
        assert again.undo_feedback(missed.decision) == 1
        assert again.labels() == {"Ada": 2, "Bob \u2603": 2}
        (stranger,) = again.snapshot().strangers.vectors[again.snapshot().strangers.turned]
        assert stranger.tobytes() in new.read_bytes()
        again.remove("Bob \u2603")  # for whom he was taken, when Bob was Cy
        assert not again.snapshot().strangers.turned.any()
        assert stranger.tobytes() not in new.read_bytes()
        assert {review.identity for review in again.feedbacks()} == {None}
        assert again.check().sound


def test_an_export_of_the_first_version_has_no_reviews(out: Path, tmp_path: Path) -> None:
    for name in ("strangers.jsonl", "identities.jsonl"):
        rows = [json.loads(line) for line in (out / name).read_text().splitlines()]
        for one in (*rows, *(example for row in rows for example in row.get("examples", ()))):
            one.pop("decision", None)
        _write_as(out, name, rows)
    _manifest(version=1)(out)
    done = SqliteGallery.take_in(out, tmp_path / "new.gallery")
    assert (done.identities, done.examples, done.strangers, done.reviews) == (2, 5, 4, 0)


def test_all_that_is_held_on_one(full: SqliteGallery, tmp_path: Path, rows) -> None:
    ada = full.records()[0].id
    said = {"similarity": 0.9, "threshold": 0.5, "rate_kind": "fpir", "rate": 0.1}
    for identity in (ada, full.records()[1].id):  # who is the nearest, once each
        full.feedback(full.snapshot().sign({"answer": "match", "identity": identity, **said}), True)
    out = tmp_path / "ada"
    done = full.export(out, "Ada")
    assert (done.identities, done.examples, done.pictures, done.strangers) == (1, 3, 3, 0)
    assert done.reviews == 2
    for name in ("audit.jsonl", "reviews.jsonl"):
        held = [json.loads(line) for line in (out / name).read_text().splitlines()]
        assert {row["identity"] for row in held} == {ada}
    assert "export" in (out / "audit.jsonl").read_text()
    assert not any("Bob" in file.read_text(errors="replace") for file in out.glob("*.*"))
    assert not (out / "strangers.npy").exists()
    assert SqliteGallery.take_in(out, tmp_path / "one.gallery").identities == 1
    with pytest.raises(LabelError, match="'Cid' is not enrolled"):
        full.export(tmp_path / "cid", "Cid")
    assert not (tmp_path / "cid").exists()


def _edit(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda out: (out / name).write_bytes(change((out / name).read_bytes()))


def _manifest(**changes: object) -> Callable[[Path], object]:
    def edit(out: Path) -> None:
        path = out / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return edit


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "half": (lambda out: (out / "manifest.json").unlink(), "no export of a gallery, or half"),
    "no vectors": (lambda out: (out / "examples.npy").unlink(), "examples.npy .* is missing"),
    "no picture": (lambda out: next(out.glob("pictures/*")).unlink(), "is missing: half an export"),
    "a label": (_edit("identities.jsonl", lambda c: c.replace(b"Ada", b"Eve")), "was altered"),
    "a vector": (_edit("examples.npy", lambda c: c[:-1] + b"?"), "examples.npy .* was altered"),
    "longer": (_edit("examples.npy", lambda c: c + b"?"), "examples.npy .* was altered"),
    "a picture": (lambda out: next(out.glob("pictures/*")).write_bytes(b"x"), "was altered"),
    "newer": (_manifest(version=4), "version 4; this holotype knows versions up to 3"),
    "another kind": (_manifest(format="zip"), "is no export of a gallery"),
    "no JSON": (_edit("manifest.json", lambda c: c[:40]), "not as an export is written"),
    "no files": (_manifest(files={}), "not as an export is written"),
    "outside": (_manifest(files={"../x": {"sha256": "", "bytes": 1}}), "is no file of it"),
    "a link": (
        lambda out: (
            shutil.move(out / "README.md", out.parent / "moved"),
            (out / "README.md").symlink_to(out.parent / "moved"),
        ),
        "README.md .* was altered",
    ),
}


def _rewritten(name: str, **changes: object) -> Callable[[Path], object]:
    """The lines of a file with other facts, and the manifest made to agree: tampered with."""

    def edit(out: Path) -> None:
        rows = [json.loads(line) for line in (out / name).read_text().splitlines()]
        _write_as(out, name, [{**row, **changes} for row in rows])

    return edit


def _write_as(out: Path, name: str, rows: list[dict[str, object]]) -> None:
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    (out / name).write_bytes(content)
    files = json.loads((out / "manifest.json").read_text())["files"]
    digest = hashlib.sha256(content).hexdigest()
    _manifest(files={**files, name: {"sha256": digest, "bytes": len(content)}})(out)


TAMPERED = {
    f"{name}: {facts}": (_rewritten(f"{name}.jsonl", **facts), "not as an export is written")
    for name, all_of in {
        "identities": (
            *({"tags": "x"}, {"tags": "7"}, {"tags": '["\\u0000"]'}, {"tags": 7}),
            *({"metadata": "[]"}, {"metadata": "{" * 9999}, {"metadata": None}),
            *({"quiet": 2**63}, {"quiet": 1.5}, {"id": "\ud800"}, {"consent": "a\nb"}),
            *({"created": "now"}, {"retain_until": "soon"}, {"examples": {}}),
        ),
        "strangers": (
            *({"class_index": 10**30}, {"class_index": None}, {"batch": "\ud800"}),
            *({"decision": "other"}, {"decision": []}),
        ),
        "reviews": (
            *({"answer": "yes"}, {"correct": 1}, {"rate": 2}, {"rate_kind": "far"}),
            *({"similarity": 10**400}, {"threshold": "high"}, {"decided": 7}, {"identity": 7}),
        ),
    }.items()
    for facts in all_of
}
SPOILED |= TAMPERED


@pytest.mark.usefixtures("path")  # of each store an export has the same files
@pytest.mark.parametrize("kind", SPOILED)
def test_what_is_not_whole_is_refused_and_nothing_is_made(
    out: Path, tmp_path: Path, kind: str
) -> None:
    spoil, said = SPOILED[kind]
    spoil(out)
    with pytest.raises(GalleryError, match=said):
        SqliteGallery.take_in(out, tmp_path / "new.gallery")
    assert not (tmp_path / "new.gallery").exists()


def test_an_import_goes_wholly_or_not_at_all(
    out: Path, tmp_path: Path, rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target.gallery"
    with SqliteGallery.open(target, "m1", 8, model_name="toy") as gallery:
        gallery.add("Bob \u2603", rows(9))  # another Bob
        before = facts(gallery), gallery.audit()
        with pytest.raises(LabelError, match="'Bob \u2603' cannot be imported"):
            SqliteGallery.take_in(out, target)  # Ada comes before him
        assert (facts(gallery), gallery.audit()) == before
        gallery.remove("Bob \u2603")
        done = SqliteGallery.take_in(out, target)
        assert (done.identities, done.pictures, done.pictures_left) == (2, 0, 5)
        assert gallery.check().sound


def test_vectors_of_another_model_are_refused(out: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.gallery"
    SqliteGallery.open(target, "m2", 8, model_name="other").close()
    with pytest.raises(GalleryError, match=r"model 'toy' \(id m1\).*belongs to 'other' \(id m2\)"):
        SqliteGallery.take_in(out, target)


def test_an_export_overwrites_nothing(full: SqliteGallery, out: Path, tmp_path: Path) -> None:
    before = (out / "manifest.json").read_bytes()
    for place, said in ((out, "exists"), (tmp_path / "no" / "where", "no folder")):
        with pytest.raises(GalleryError, match=said):
            full.export(place)
    assert (out / "manifest.json").read_bytes() == before
    assert not [entry for entry in full.audit() if entry.action == "export"][1:]


def test_a_folder_that_is_no_export_is_refused(tmp_path: Path) -> None:
    for place, said in ((tmp_path, "no manifest.json"), (tmp_path / "none", "not a folder")):
        with pytest.raises(GalleryError, match=said):
            SqliteGallery.take_in(place, tmp_path / "new.gallery")


def test_an_empty_gallery_goes_there_and_back(open_gallery, tmp_path: Path) -> None:
    open_gallery().export(tmp_path / "out")
    assert SqliteGallery.take_in(tmp_path / "out", tmp_path / "new.gallery").identities == 0
    with SqliteGallery.existing(tmp_path / "new.gallery") as again:
        assert again.labels() == {}


def test_an_import_is_undone(path: Path, open_gallery, rows, tmp_path: Path) -> None:
    with open_gallery(place=tmp_path / "other.gallery") as other:
        other.add("ada", rows(1))
        other.add_strangers(rows(2), [0])
        other.export(tmp_path / "out")
    gallery = open_gallery()
    gallery.add("bob", rows(3))
    SqliteGallery.take_in(tmp_path / "out", path)
    assert list(gallery.labels()) == ["bob", "ada"]
    gallery.undo()
    assert list(gallery.labels()) == ["bob"]
    assert not len(gallery.snapshot().strangers.vectors)
    assert gallery.check().sound
