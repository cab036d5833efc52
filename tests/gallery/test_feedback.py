"""Reviews of decisions: only of decisions that this gallery made, once each, with a way back."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.errors import GalleryError
from holotype.gallery import SqliteGallery

FACTS = {
    "answer": "match",
    "identity": None,
    "similarity": 0.75,
    "threshold": 0.5,
    "rate_kind": "fpir",
    "rate": 0.01,
}


def test_sign_and_review(gallery: SqliteGallery, rows) -> None:
    gallery.add("a", rows(0))
    name = gallery.snapshot().identities[0]
    token = gallery.snapshot().sign({**FACTS, "identity": name, "similarity": np.float32(0.75)})
    assert token.isascii()
    assert gallery.snapshot().sign(FACTS) != gallery.snapshot().sign(FACTS)
    given_ = gallery.feedback(token, False, actor="ada")
    assert (given_.correct, given_.answer, given_.identity) == (False, "match", name)
    assert (given_.similarity, given_.threshold, given_.rate) == (0.75, 0.5, 0.01)
    assert given_.decided <= given_.given
    assert given_.examples == 0
    assert gallery.feedbacks() == (given_,)
    line = gallery.audit()[-1]
    assert (line.action, line.actor, line.identity) == ("feedback", "ada", name)
    assert line.facts["decision"] == given_.decision
    assert (line.facts["threshold"], line.facts["rate"]) == (0.5, 0.01)
    for correct in (False, True):
        with pytest.raises(GalleryError, match=r"was marked wrong on .*reviewed once.*undo"):
            gallery.feedback(token, correct)
    assert gallery.undo_feedback(given_.decision) == 0
    assert gallery.feedbacks() == ()
    assert gallery.feedback(token, True).correct
    assert gallery.undo_feedback(token) == 0  # the token is as good as the id in it
    with pytest.raises(GalleryError, match="no feedback on the decision"):
        gallery.undo_feedback(given_.decision)
    with pytest.raises(GalleryError, match="no feedback on the decision"):
        gallery.undo_feedback("never")
    assert gallery.check().sound


def test_signing_writes_nothing_and_is_known_to_every_opener(path, open_gallery) -> None:
    with open_gallery() as gallery:
        token = gallery.snapshot().sign(FACTS)
        gallery.snapshot().sign(FACTS)
    before = path.read_bytes()
    with open_gallery() as gallery:
        gallery.snapshot().sign(FACTS)
    assert path.read_bytes() == before
    with open_gallery() as gallery:
        assert gallery.feedback(token, True).correct


def test_another_gallery_did_not_sign_it(path: Path, open_gallery) -> None:
    token = open_gallery(place=path.with_name("other")).snapshot().sign(FACTS)
    with pytest.raises(GalleryError, match="not the id of a decision that this gallery made"):
        open_gallery().feedback(token, True)


def test_facts_cannot_be_changed(gallery: SqliteGallery) -> None:
    body, mac = gallery.snapshot().sign(FACTS).split(".")
    facts = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged = base64.urlsafe_b64encode(json.dumps({**facts, "rate": 0.5}).encode()).decode()
    for token in (
        f"{forged.rstrip('=')}.{mac}",
        body,
        f".{mac}",
        f"{body}.",
        f"{body}.{mac}x",
        f"{body}.{mac}.",
        f"{body}.{mac[:-1]}",
        f" {body}.{mac}",
        "",
        "ü.ü",
        "x" * 100_000,
    ):
        with pytest.raises(GalleryError, match="not the id of a decision") as caught:
            gallery.feedback(token, True)
        assert len(str(caught.value)) < 300
    for token in (None, 7, b"x"):
        with pytest.raises(GalleryError, match="not the id of a decision"):
            gallery.feedback(token, True)
    with pytest.raises(GalleryError, match="True or False"):
        gallery.feedback(gallery.snapshot().sign(FACTS), "no")
    assert gallery.feedbacks() == ()


@given(st.data())
@settings(deadline=None, max_examples=50)
def test_no_flipped_bit_passes(tmp_path_factory, data) -> None:
    path = tmp_path_factory.mktemp("sign") / "g"
    with SqliteGallery.open(path, "m", 2, model_name="m") as gallery:
        token = gallery.snapshot().sign(FACTS)
        at = data.draw(st.integers(0, len(token) - 1))
        other = chr(ord(token[at]) ^ (1 << data.draw(st.integers(0, 6))))
        with pytest.raises(GalleryError, match="not the id of a decision"):
            gallery.feedback(token[:at] + other + token[at + 1 :], True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"answer": "maybe"}, "one of the answers"),
        ({"label": "Ada"}, "label"),
        ({"similarity": float("nan")}, "finite"),
        ({"rate": float("inf")}, "finite"),
    ],
)
def test_what_is_not_signed(gallery: SqliteGallery, change, words: str) -> None:
    with pytest.raises(GalleryError, match=words):
        gallery.snapshot().sign({**FACTS, **change})
    with pytest.raises(GalleryError, match="exactly"):
        gallery.snapshot().sign({})


def test_the_summary(gallery: SqliteGallery) -> None:
    assert gallery.feedback_summary() == ()
    for answer, correct, rate in [
        ("match", True, 0.01),
        ("match", True, 0.01),
        ("match", False, 0.01),
        ("unknown", True, 0.01),
        ("unknown", False, 0.01),
        ("cannot_tell", True, 0.01),
        ("match", False, 0.1),
    ]:
        gallery.feedback(
            gallery.snapshot().sign({**FACTS, "answer": answer, "rate": rate}), correct
        )
    strict, loose = gallery.feedback_summary()
    assert (strict.rate_kind, strict.rate) == ("fpir", 0.01)
    assert (strict.matches, strict.wrong_matches) == (3, 1)
    assert (strict.unknowns, strict.wrong_unknowns, strict.cannot_tell) == (2, 1, 1)
    assert (loose.rate, loose.matches, loose.wrong_matches) == (0.1, 1, 1)


def test_examples_gained_from_feedback_go_with_it(path: Path, gallery, rows) -> None:
    gallery.add("a", rows(0))
    with pytest.raises(GalleryError, match="no feedback on the decision"):
        gallery.add("a", rows(1), decision_id="none")
    review = gallery.feedback(gallery.snapshot().sign(FACTS), True)
    assert gallery.add("a", rows(1, 2), decision_id=review.decision) == 3
    with pytest.raises(GalleryError, match="has given examples before"):
        gallery.add("a", rows(2), decision_id=review.decision)
    assert gallery.feedbacks()[0].examples == 2
    assert gallery.audit()[-1].facts["decision"] == review.decision
    assert len(gallery.snapshot().vectors) == 3
    assert gallery.undo_feedback(review.decision) == 2
    np.testing.assert_array_equal(gallery.snapshot().vectors, rows(0))
    assert gallery.feedbacks() == ()
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert rows(0)[0].tobytes() in content
    assert not any(row.tobytes() in content for row in rows(1, 2))
    assert gallery.check().sound


def test_undo_of_somebody_who_was_made_by_feedback(gallery: SqliteGallery, rows) -> None:
    review = gallery.feedback(gallery.snapshot().sign({**FACTS, "answer": "unknown"}), False)
    gallery.add("new", rows(0), decision_id=review.decision)
    assert gallery.undo_feedback(review.decision) == 1
    assert gallery.labels() == {}
    assert gallery.snapshot().labels == ()
    assert [line.action for line in gallery.audit()][-2:] == ["undo", "forget"]
    assert gallery.check().sound


def test_feedback_outlives_whom_it_is_about(gallery: SqliteGallery, rows) -> None:
    gallery.add("a", rows(0))
    review = gallery.feedback(
        gallery.snapshot().sign({**FACTS, "identity": gallery.snapshot().identities[0]}), False
    )
    gallery.add("a", rows(1), decision_id=review.decision)
    gallery.remove("a")
    assert gallery.feedback_summary()[0].wrong_matches == 1  # what was measured stays measured
    assert gallery.feedbacks()[0].examples == 0
    assert gallery.undo_feedback(review.decision) == 0
    assert gallery.check().sound
