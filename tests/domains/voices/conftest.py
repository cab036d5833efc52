"""Shared by the tests of voices: what reads recordings is an extra."""

from __future__ import annotations

import pytest

pytest.importorskip("soundfile", reason="needs the extra `audio`")
pytest.importorskip("soxr", reason="needs the extra `audio`")
