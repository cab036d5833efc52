"""The inbox: who got no match is kept for hours, named once, and gone with whom it is about."""

from __future__ import annotations

import stat
from collections.abc import Callable
from typing import Any

import pytest

import holotype
from holotype.client import Client
from holotype.errors import GalleryError, LabelError, ServingError
from holotype.gallery import inbox_of
from real_server import Server, drawing, files, is_failure

ALIKE = 86  # whose drawings the toy model takes for the same

Start = Callable[..., Server]


def ask(server: Server, *contents: bytes, **fields: str) -> list[str]:
    said = server.client.post("/v1/identify", files=files(*contents), data={"fpir": "10%"} | fields)
    assert said.status_code == 200, said.text
    return [one["answer"] for one in said.json()["answers"]]


def waiting(server: Server, **query: object) -> dict[str, Any]:
    said = server.client.get("/v1/inbox", params=query)  # type: ignore[arg-type]
    assert said.status_code == 200, said.text
    return dict(said.json())


def visitors(server: Server) -> list[dict[str, Any]]:
    return list(waiting(server)["visitors"])


def test_off_unless_switched_on(start: Start) -> None:
    server = start()
    assert ask(server, drawing(77)) == ["unknown"]
    assert waiting(server) == {"hours": None, "visitors": [], "recognized": 0, "cursor": None}
    assert not inbox_of(server.gallery).exists()
    refused = server.client.post("/v1/inbox/some/stranger")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "off")
    assert is_failure(refused)


def test_who_is_unknown_is_kept_once_the_last_one_first(start: Start) -> None:
    server = start("--inbox", "2")
    assert ask(server, drawing(1, 1), drawing(77), b"no picture") == [
        "match",
        "unknown",
        "cannot_tell",
    ]
    ask(server, drawing(78))
    ask(server, drawing(77))  # the very same picture
    found = waiting(server)
    assert (found["hours"], found["cursor"]) == (2.0, None)
    last, first = found["visitors"]
    assert last["actor"] == "owner"
    assert len(last["pictures"]) == 1
    assert last["nearest"] in {"c0", "c1", "c2", "c3"}
    assert last["similarity"] < last["threshold"]
    assert last["rate"] == 0.1
    shown = server.client.get(f"/v1/inbox/{last['id']}/picture")
    assert (shown.content, shown.headers["content-type"]) == (drawing(77), "image/png")
    assert server.client.get(f"/v1/inbox/{first['id']}/picture").content == drawing(78)
    (page,) = waiting(server, limit=1)["visitors"]
    assert page["id"] == last["id"]
    rest = waiting(server, limit=1, cursor=waiting(server, limit=1)["cursor"])
    assert ([one["id"] for one in rest["visitors"]], rest["cursor"]) == ([first["id"]], None)
    assert stat.S_IMODE(inbox_of(server.gallery).stat().st_mode) == 0o600


def test_who_is_asked_about_again_came_once(start: Start) -> None:
    server = start("--inbox", "2", "--tell", "match", "--tell", "unknown")
    probes = drawing(1, 1), drawing(77)
    assert [ask(server, one) for one in probes] == [["match"], ["unknown"]]
    (before,) = visitors(server)
    seen = recorded(server)
    for one, answer in zip(probes, ("match", "unknown"), strict=True):
        assert ask(server, one, fpir="40%", again="true") == [answer]
    assert recorded(server) == seen
    assert ask(server, drawing(78), again="true") == ["unknown"]  # who was never there stays out
    (after,) = visitors(server)
    assert after["rate"] == 0.4  # the answer that is reviewed, if it is
    assert after["threshold"] < before["threshold"]
    same = ("id", "number", "at", "until", "pictures", "nearest", "similarity")
    assert [after[name] for name in same] == [before[name] for name in same]
    last = server.client.post(
        "/v1/identify/all",
        files=files(drawing(77)),
        data={"fpir": "45%", "again": "true"},
    ).json()["answers"][0]
    assert [one["rate"] for one in visitors(server)] == [0.45]
    with Client(server.url, server.key) as desk:
        desk.feedback(last["id"], True)
    assert visitors(server) == []


def recorded(server: Server) -> tuple[object, ...]:
    """What is counted, told and held against the thresholds."""
    with Client(server.url, server.key) as desk:
        told, scores = desk.events(limit=1000), desk.scores()
    counts = server.client.get("/metrics").text.splitlines()
    decided = [line for line in counts if line.startswith("holotype_decisions_total")]
    return told, scores, decided


def test_several_pictures_of_one_are_one_visitor(start: Start) -> None:
    server = start("--inbox", "2")
    again = [drawing(ALIKE, drawer) for drawer in range(4)]
    assert set(ask(server, *again)) == {"unknown"}
    ask(server, drawing(78))
    other, several = visitors(server)
    assert (len(other["pictures"]), len(several["pictures"])) == (1, 4)
    contents = [server.client.get(f"/v1/inbox/{one}/picture") for one in several["pictures"]]
    assert [one.content for one in contents] == again[::-1]


def test_this_is_one_of_the_enrolled_and_the_rest_is_asked_again(start: Start) -> None:
    server = start("--inbox", "2")
    assert ask(server, drawing(78), drawing(77), fpir="40%") == ["unknown"] * 2
    (mine, other) = visitors(server)
    key = {"idempotency-key": "once"}
    done = server.client.post(f"/v1/inbox/{mine['id']}/name", json={"label": "c2"}, headers=key)
    assert done.status_code == 200, done.text
    assert (done.json()["added"], done.json()["label"]) == (1, "c2")
    again = server.client.post(f"/v1/inbox/{mine['id']}/name", json={"label": "c2"}, headers=key)
    assert again.headers["idempotent-replay"] == "true"
    assert (again.json()["added"], again.json()["label"]) == (1, "c2")
    assert [one["id"] for one in visitors(server)] == [other["id"]]
    examples = server.client.get("/v1/identities/c2/examples").json()
    assert len(examples["pictures"]) == 2  # the gallery keeps pictures: this one too
    shown = server.client.get(f"/v1/examples/{examples['pictures'][-1]}/picture")
    assert shown.content == drawing(77)
    (_, line) = server.client.get("/v1/audit").json()["entries"][:2]
    assert line["actor"] == "owner"
    # It can be undone as any change.
    undone = server.client.post("/v1/undo")
    assert undone.status_code == 200, undone.text
    assert len(server.client.get("/v1/identities/c2/examples").json()["pictures"]) == 1
    unknown = server.client.post(f"/v1/inbox/{other['id']}/name", json={"label": "nobody"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (422, "label")
    assert [one["id"] for one in visitors(server)] == [other["id"]]


def test_somebody_new_and_who_is_recognized_then_leaves(start: Start) -> None:
    server = start("--inbox", "2")
    assert ask(server, drawing(78)) == ["unknown"]
    (mine,) = visitors(server)
    place = f"/v1/inbox/{mine['id']}/enroll"
    taken = server.client.post(place, json={"label": "c1"})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "gallery")
    done = server.client.post(place, json={"label": "New one", "consent": "asked"})
    assert (done.status_code, done.json()["examples"]) == (200, 1)
    assert visitors(server) == []
    records = server.client.get("/v1/identities").json()["identities"]
    assert (records[-1]["label"], records[-1]["consent"]) == ("New one", "asked")
    # Who is enrolled elsewhere meanwhile is recognized, and leaves.
    assert ask(server, drawing(86), drawing(80)) == ["unknown"] * 2
    assert len(visitors(server)) == 2
    server.enroll("Another", drawing(86))
    found = waiting(server)
    assert found["recognized"] == 1
    (left,) = found["visitors"]
    assert server.client.get(f"/v1/inbox/{left['id']}/picture").content == drawing(80)


def test_not_one_of_ours_is_turned_away(start: Start) -> None:
    server = start("--inbox", "2")
    ask(server, drawing(77))
    (one,) = visitors(server)
    done = server.client.post(f"/v1/inbox/{one['id']}/stranger")
    assert (done.status_code, done.json()["strangers"]) == (200, 1)
    assert visitors(server) == []
    (batch,) = server.client.get("/v1/strangers").json()["batches"]
    assert batch["vectors"] == 1
    gone = server.client.post(f"/v1/inbox/{one['id']}/stranger")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "not_found")


def test_never_mind_and_trash(start: Start) -> None:
    server = start("--inbox", "2")
    ask(server, drawing(ALIKE), drawing(ALIKE, 1), drawing(78))
    other, several = visitors(server)
    place = f"/v1/inbox/{several['id']}"
    assert server.client.post(f"{place}/dismiss").json() == {"erased": 2}
    assert server.client.get(f"{place}/picture").status_code == 404
    assert server.client.delete(f"/v1/inbox/{other['id']}").json() == {"erased": 1}
    assert server.client.delete(f"/v1/inbox/{other['id']}").json() == {"erased": 0}
    content = inbox_of(server.gallery).read_bytes()
    assert not [one for one in (drawing(ALIKE), drawing(78)) if one[40:80] in content]
    # Whom nobody minds is not shown again; who was thrown away is.
    ask(server, drawing(ALIKE, 2), drawing(78))
    (back,) = visitors(server)
    assert server.client.get(f"/v1/inbox/{back['id']}/picture").content == drawing(78)
    assert server.client.get("/v1/audit").json()["entries"][0]["action"] == "enroll"


def test_whoever_is_forgotten_takes_along_who_looked_like_it(start: Start) -> None:
    server = start("--inbox", "2")
    ask(server, *(drawing(number) for number in range(77, 89)))
    near = {one["nearest"] for one in visitors(server)}
    assert len(near) > 1
    label = min(near)
    with holotype.open(server.gallery, create=False) as elsewhere:  # as another process might
        elsewhere.forget(label)
    left = visitors(server)
    content = inbox_of(server.gallery).read_bytes()
    assert 0 < len(left) < 12
    pictures = {
        server.client.get(f"/v1/inbox/{name}/picture").content
        for one in left
        for name in one["pictures"]
    }
    for number in range(77, 89):
        picture = drawing(number)
        assert (picture[40:90] in content) == (picture in pictures)


def test_over_a_restart_and_no_longer_than_the_hours(start: Start) -> None:
    server = start("--inbox", "2")
    ask(server, drawing(77))
    server.stop()
    again = start("--inbox", "2")
    again.client = again.as_(server.key)
    (one,) = visitors(again)
    again.stop()
    short = start("--inbox", "0.0001")
    short.client = short.as_(server.key)
    assert [other["id"] for other in visitors(short)] == [one["id"]]
    ask(short, drawing(78))
    short.stop()
    last = start("--inbox", "2")  # what is over is gone before anybody asks
    last.client = last.as_(server.key)
    assert [other["id"] for other in visitors(last)] == [one["id"]]
    last.stop()
    off = start()
    off.client = off.as_(server.key)
    assert drawing(77)[40:80] not in inbox_of(off.gallery).read_bytes()


def test_who_was_reviewed_elsewhere_leaves(start: Start) -> None:
    server = start("--inbox", "2")
    said = server.client.post("/v1/identify", files=files(drawing(77))).json()
    decision = said["answers"][0]["id"]
    assert len(visitors(server)) == 1
    server.client.post(f"/v1/decisions/{decision}/feedback", json={"correct": True})
    assert visitors(server) == []


def test_a_key_that_only_asks_sees_nobody(start: Start) -> None:
    server = start("--inbox", "2")
    ask(server, drawing(77))
    (one,) = visitors(server)
    reader = server.as_(server.new_key("reader", "read"))
    assert reader.get("/v1/inbox").status_code == 403
    assert reader.get(f"/v1/inbox/{one['id']}/picture").status_code == 403


def test_the_client_names_and_throws_away(start: Start) -> None:
    server = start("--inbox", "2")
    ask(server, *(drawing(number) for number in range(77, 82)))
    with Client(server.url, server.key) as desk:
        found = desk.inbox()
        assert [one.id for one in found] == [one["id"] for one in visitors(server)]
        assert desk.inbox_picture(found[0].id) == drawing(81)
        assert desk.name_visitor(found[0], "c1").label == "c1"
        with pytest.raises(LabelError):
            desk.name_visitor(found[1], "nobody")
        with pytest.raises(GalleryError):
            desk.enroll_visitor(found[1], "c1")
        assert desk.enroll_visitor(found[1], "Somebody", consent="asked").examples == 1
        left = [one for one in desk.inbox() if one.id in {each.id for each in found[2:]}]
        assert len(left) >= 2
        assert desk.turn_away_visitor(left[0]).strangers <= 1
        assert desk.dismiss_visitor(left[1]) == 1
        assert desk.erase_visitor(left[1]) <= 1
        with pytest.raises(ServingError):
            desk.inbox_picture(found[0].id)
