"""Shared by the tests of texts: what reads them is an extra."""

from __future__ import annotations

import pytest

pytest.importorskip("tokenizers", reason="needs the extra `text`")
pytest.importorskip("safetensors", reason="needs the extra `text`")
