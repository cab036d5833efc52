from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from holotype.datasets.intents import INTENT_SHARES, load_intents, load_out_of_scope
from holotype.datasets.splits import random_split
from holotype.errors import DataError
from holotype.evaluation.episodes import episodes, sample


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    clinc = {
        "oos_train": [["who won", "oos"]],
        "oos_val": [],
        "oos_test": [["how deep is it", "oos"]],
        "train": [["book me a flight", "flight"], ["play jazz", "music"]],
        "val": [["fly me home", "flight"]],
        "test": [["next song", "music"]],
    }
    path = tmp_path / "intents_text.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("clinc150/data_full.json", json.dumps(clinc))
        archive.writestr("banking77/train.csv", 'text,category\n"Lost, my card",lost\n')
        archive.writestr("banking77/test.csv", 'text,category\nMy card?,lost\n"Is it\nhere",when\n')
    monkeypatch.setenv("HOLOTYPE_DATA", str(tmp_path))
    return path


def test_all_parts_of_clinc150_but_the_out_of_scope(packed: Path) -> None:
    data = load_intents("clinc150")
    assert data.class_names == ("flight", "music")
    assert list(data.images) == ["book me a flight", "play jazz", "fly me home", "next song"]
    assert data.class_index.tolist() == [0, 1, 0, 1]
    assert list(load_out_of_scope()) == ["who won", "how deep is it"]


def test_both_parts_of_banking77(packed: Path) -> None:
    data = load_intents("banking77")
    assert list(data.images) == ["Lost, my card", "My card?", "Is it\nhere"]
    assert [data.class_names[c] for c in data.class_index] == ["lost", "lost", "when"]


def test_episodes_of_utterances(packed: Path) -> None:
    data = load_intents("clinc150")
    index = sample(data, n_way=2, k_shot=1, n_query=1, episodes=3, seed=0)
    of_text = dict(zip(data.images, data.class_index, strict=True))
    for episode in episodes(data.images, index):
        assert episode.class_id is not None
        assert episode.query_class is not None
        assert [of_text[text] for text in episode.support[:, 0]] == episode.class_id.tolist()
        queried = episode.class_id[episode.query_class]
        assert [of_text[text] for text in episode.query] == queried.tolist()


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(DataError, match=r"there are no intents 'snips'\. Choose one of clinc150"):
        load_intents("snips")


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 torn"])
def test_a_missing_or_damaged_file_is_refused(packed: Path, content: bytes | None) -> None:
    packed.unlink()
    if content is not None:
        packed.write_bytes(content)
    with pytest.raises(DataError, match=r"clinc150/data_full\.json of .* cannot be read"):
        load_intents("clinc150")


@pytest.mark.data
def test_the_sources_as_published() -> None:
    clinc, banking = load_intents("clinc150"), load_intents("banking77")
    assert np.bincount(clinc.class_index).tolist() == [150] * 150
    assert (len(banking), len(banking.class_names)) == (13083, 77)
    assert len(load_out_of_scope()) == 1200
    parts = random_split(clinc, INTENT_SHARES, seed=0)
    assert [len(part.class_names) for part in parts.values()] == [70, 10, 30, 40]
    together = [name for part in parts.values() for name in part.class_names]
    assert len(set(together)) == 150
