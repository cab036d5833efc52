"""A day is a day of the owner: the last day counts whole, and not a minute longer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from holotype.errors import GalleryError
from holotype.gallery import audit

DAY = date(2030, 5, 17)


@pytest.fixture(params=["Etc/GMT+12", "UTC", "Etc/GMT-14"])
def clock(request, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[datetime], None]]:
    """Sets the local time of a place far west, in the middle, or far east."""
    if not hasattr(time, "tzset"):
        pytest.skip("the time zone of a process cannot be set here")
    monkeypatch.setenv("TZ", request.param)
    time.tzset()

    def set_local(local: datetime) -> None:
        moment = local.astimezone(UTC)
        monkeypatch.setattr(audit, "now", lambda: moment)

    yield set_local
    monkeypatch.undo()
    assert "TZ" not in os.environ or os.environ["TZ"]
    time.tzset()


def test_matched_to_the_end_of_the_last_day(clock, open_gallery, rows) -> None:
    gallery = open_gallery()
    clock(datetime(2030, 5, 17, 0, 1))
    gallery.add("ada", rows(1, 2), retain_until=DAY)  # the day itself is a day
    gallery.add("bob", rows(2))
    gallery.add("carol", rows(3), retain_until=DAY + timedelta(days=1))
    clock(datetime(2030, 5, 17, 23, 59))
    assert gallery.snapshot().labels == ("ada", "bob", "carol")
    assert gallery.snapshot().over.labels == ()
    assert gallery.expire(DAY) == ()
    clock(datetime(2030, 5, 18, 0, 1))
    snapshot = gallery.snapshot()
    assert snapshot.labels == ("bob", "carol")
    np.testing.assert_array_equal(snapshot.vectors, np.vstack([rows(2), rows(3)]))
    assert snapshot.owner.tolist() == [0, 1]
    assert (snapshot.over.labels, snapshot.over.days) == (("ada",), (DAY,))
    np.testing.assert_array_equal(snapshot.over.vectors, rows(1, 2))
    assert snapshot.over.owner.tolist() == [0, 0]
    assert list(gallery.labels()) == ["ada", "bob", "carol"]  # until somebody runs `expire`
    clock(datetime(2030, 5, 19, 0, 1))
    assert gallery.snapshot().labels == ("bob",)
    assert len(gallery.expire(date(2030, 5, 19))) == 2
    assert gallery.snapshot().over.labels == ()
    assert gallery.snapshot().labels == ("bob",)


def test_a_day_that_has_passed_is_refused_and_a_later_one_brings_back(clock, gallery, rows) -> None:
    clock(datetime(2030, 5, 17, 12))
    with pytest.raises(GalleryError, match="has passed"):
        gallery.add("ada", rows(1), retain_until=DAY - timedelta(days=1))
    gallery.add("ada", rows(1), retain_until=DAY)
    clock(datetime(2030, 5, 18, 12))
    with pytest.raises(GalleryError, match=r"'ada' could be kept until 2030-05-17, which has pass"):
        gallery.add("ada", rows(2))
    assert gallery.labels() == {"ada": 1}
    assert gallery.add("ada", rows(2), retain_until=DAY + timedelta(days=9)) == 2
    assert gallery.snapshot().labels == ("ada",)
