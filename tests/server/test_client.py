"""The client: the same records as the library, over a real connection."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

import holotype
from holotype.client import Client
from holotype.errors import (
    AlikeError,
    GalleryError,
    ImageError,
    LabelError,
    RateError,
    ServingError,
    VectorError,
)
from holotype.gallery import IdentityRecord
from holotype.recognizer import scores, status
from holotype.records import Decision, Reason
from real_server import Server, drawing

Start = Callable[..., Server]


def test_it_answers_as_the_library_does(start: Start, gallery: Path) -> None:
    server = start()
    vectors = np.random.default_rng(0).normal(size=(2, 8))
    with (
        Client(server.url, server.key) as desk,
        holotype.open(gallery, create=False) as recognizer,
    ):
        probes = [drawing(1, 1), drawing(77), b"broken"]
        for mine, its in (
            (recognizer.identify(probes, "10%"), desk.identify(probes, "10%")),
            ([recognizer.identify(probes[0])], [desk.identify(probes[0])]),
            (recognizer.identify(vectors=vectors), desk.identify(vectors=vectors)),
            ([recognizer.verify("c1", probes[0])], [desk.verify("c1", probes[0])]),
        ):
            assert isinstance(mine, list)
            assert isinstance(its, list)
            for one, other in zip(mine, its, strict=True):
                names = [name for name in one.__dataclass_fields__ if name != "id"]
                for name in names:
                    assert getattr(one, name) == pytest.approx(getattr(other, name)), name
        assert desk.list() == recognizer.list()
        assert desk.records() == recognizer.gallery.records()
        assert desk.stated("10%").rate == 0.1
        assert desk.scores().histograms[0] == scores(recognizer).histograms[0]
        assert desk.same(drawing(7), drawing(7, 1)).rate_kind == "fmr"


def test_what_pictures_show_can_be_asked_about(start: Start) -> None:
    server = start()
    with Client(server.url, server.key) as desk:
        (known,), (broken,) = desk.detect(drawing(1, 1), b"broken")
        assert (known.box, broken.vector) == (None, None)
        assert isinstance(broken.reasons[0], Reason)
        assert broken.reasons[0].code == "unreadable"
        vector = np.array(known.vector)
        assert np.linalg.norm(vector) == pytest.approx(1)
        told = desk.identify(vectors=vector, fpir="50%")
        assert isinstance(told, Decision)
        assert (told.label, desk.enroll("new", vectors=vector).examples) == ("c1", 1)
        with pytest.raises(ImageError, match="no image"):
            desk.detect()


def test_it_changes_the_gallery(start: Start, tmp_path: Path) -> None:
    server = start()
    (tmp_path / "a.png").write_bytes(drawing(20))
    with Client(server.url, server.key) as desk:
        added = desk.enroll("née / ?", tmp_path / "a.png", retain_until=date(2999, 1, 2))
        assert (added.label, added.examples) == ("née / ?", 1)
        record = desk.records()[-1]
        assert isinstance(record, IdentityRecord)
        assert record.retain_until == date(2999, 1, 2)
        assert record.created.tzinfo is not None
        decision = desk.identify(drawing(20), "10%")
        assert desk.feedback(decision, True).correct is True
        assert desk.undo_feedback(decision) == 0
        strangers = [drawing(50 + i) for i in range(4)]
        change = desk.calibrate(strangers, ["a", "a", "b", "c"], dry_run=True)
        assert change is not None
        assert (change.batch, change.classes) == (None, 3)
        assert desk.forget("née / ?").examples == 1


def test_it_corrects_and_undoes(start: Start, gallery: Path, tmp_path: Path) -> None:
    server = start()
    with (
        Client(server.url, server.key) as desk,
        holotype.open(gallery, create=False) as recognizer,
    ):
        (first,) = desk.examples("c0")
        assert (first,) == recognizer.gallery.examples("c0")
        plan = desk.rename("c0", "née / ?", dry_run=True)
        assert next(iter(desk.list())) == "c0"
        assert desk.rename("c0", "née / ?") == plan
        assert desk.describe("née / ?", add=["staff"], metadata={"room": 4}).tags == ("staff",)
        only = desk.identify(drawing(0, 1), 0.9, tag="staff")
        assert (only.tag, [one.label for one in only.candidates]) == ("staff", ["née / ?"])
        assert [one.label for one in desk.identify_all(drawing(0), 0.5)] == ["née / ?"]
        with pytest.raises(LabelError, match="has the tag"):
            desk.identify(drawing(0), tag="nobody")
        assert desk.move(first.id, "c1").left == 0
        assert desk.last_change() == recognizer.gallery.last_change()
        assert desk.last_change() is not None
        assert desk.undo().back == ("née / ?",)
        assert desk.merge("c2", "c3").total == 2
        assert desk.lint("50%").pictures == 4
        (_, two) = desk.examples("c3")
        assert desk.forget_example(two.id).examples == 1
        desk.enroll("c9", drawing(9), tags=["night"])
        assert desk.records()[-1].tags == ("night",)
        desk.export(tmp_path / "all.zip")
        desk.export(tmp_path / "one.zip", "c1")
        assert stat.S_IMODE((tmp_path / "one.zip").stat().st_mode) == 0o600
        with pytest.raises(GalleryError, match="exists"):
            desk.export(tmp_path / "one.zip")
        change = desk.calibrate_unlabeled([drawing(i, 1) for i in range(8)], dry_run=True)
        assert change is not None
        assert (change.batch, change.pictures) == (None, 8)
        wrong = desk.identify(drawing(1, 1), 0.9)
        told = desk.feedback(wrong, False, drawing(1, 1), truth="c3")
        assert told.correct is False
        assert recognizer.gallery.verify_audit().intact


def test_it_looks_after_the_server(start: Start, gallery: Path) -> None:
    server = start()
    with (
        Client(server.url, server.key) as desk,
        holotype.open(gallery, create=False) as recognizer,
    ):
        desk.ready()
        facts = desk.gallery()
        assert (facts.kind, facts.keep_pictures) == ("ink", True)
        assert facts.status == status(recognizer)
        assert facts.card is not None
        assert facts.card.model_id == recognizer.gallery.model_id
        assert {"characters", "objects"} <= {one.name for one in desk.packs()}
        assert desk.settings().inbox_h == 0
        (first,) = desk.examples("c0")
        assert desk.picture(first.id) == recognizer.gallery.picture(first.id)
        sample = desk.sample()
        assert len(sample.enroll) == len(sample.known) == len(sample.strangers) > 0

        assert desk.audit() == recognizer.gallery.audit()[::-1]
        head = desk.verify_audit().head
        assert desk.verify_audit(head) == recognizer.gallery.verify_audit(head)
        assert desk.backup("first").size_bytes > 0
        with pytest.raises(ServingError, match="there is a backup"):
            desk.backup("first")

        made = desk.add_key("door", "read")
        assert desk.keys()[-1].name == "door"
        with Client(server.url, made.key) as door:
            door.ready()
            with pytest.raises(ServingError, match="scope"):
                door.keys()
            assert desk.revoke_key("door").scope == "read"
            with pytest.raises(ServingError, match="no such key"):
                door.ready()


def test_it_hears_of_events_and_of_strangers(start: Start) -> None:
    server = start()
    with Client(server.url, server.key) as desk:
        before = desk.events().cursor
        desk.enroll("c9", drawing(9))
        while not (found := desk.events(before).events):
            time.sleep(0.05)
        (event,) = found
        assert (event.kind, event.label, event.picture) == ("enrolled", "c9", False)
        with pytest.raises(ServingError, match="no picture"):
            desk.event_picture(event.id)
        made = desk.add_webhook("door", "https://receiver.invalid/holotype")
        (hook,) = desk.webhooks()
        assert (hook.name, hook.created, hook.inside) == ("door", made.created, False)
        assert desk.dead_letters("door") == ()
        assert desk.resend("door").sent == 0
        assert desk.remove_webhook("door").url == made.url
        assert desk.webhooks() == ()

        change = desk.calibrate([drawing(50 + i) for i in range(4)], suspects="keep")
        assert change is not None
        (batch,) = desk.strangers()
        assert (batch.id, batch.classes) == (change.batch, 4)
        assert desk.remove_strangers(batch.id) == batch.vectors
        assert desk.strangers() == ()
        decision = desk.identify(drawing(1, 1), "50%")
        desk.feedback(decision, True)
        (rate,) = desk.review()
        assert (rate.rate, rate.matches + rate.unknowns) == (0.5, 1)


def test_it_raises_what_the_library_raises(start: Start, tmp_path: Path) -> None:
    server = start()
    with Client(server.url, server.key) as desk:
        with pytest.raises(ImageError, match="not a picture"):
            desk.enroll("x", b"broken")
        with pytest.raises(ImageError, match="cannot be opened"):
            desk.enroll("x", tmp_path / "missing.png")
        with pytest.raises(LabelError, match="not among"):
            desk.verify("nobody", drawing(0))
        with pytest.raises(RateError) as refused:
            desk.identify(drawing(0), 1e-9)
        assert refused.value.smallest
        with pytest.raises(VectorError):
            desk.identify(vectors=np.ones((1, 3)))
        with pytest.raises(AlikeError):
            desk.enroll("twin", drawing(0), strict=True)
    with Client(server.url, "htk_no") as desk, pytest.raises(ServingError, match="no such key"):
        desk.list()
    server.kill()
    with Client(server.url, "htk_no") as desk, pytest.raises(ServingError, match="no answer"):
        desk.list()
    with pytest.raises(ServingError, match="no address"):
        Client("127.0.0.1:8470", "")
