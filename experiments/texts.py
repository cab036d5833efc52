"""Which texts are doubted: those of other languages, and none that people say in English.

    pip download django==5.2.19 --no-deps --dest runs
    HOLOTYPE_DATA=... python experiments/texts.py runs/django-5.2.19-py3-none-any.whl

Django's messages are short sentences in many languages, written by people; those without gaps and
of at least three words are read as the pack `texts` reads. The limits of `texts.reading` were
chosen on a third of the English utterances and on these messages, so the table says what they do,
and not what they would do elsewhere. Writes results/texts.json; one minute on one core.
"""

from __future__ import annotations

import argparse
import gettext
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from holotype.datasets.intents import INTENT_SOURCES, load_intents, load_out_of_scope
from holotype.embedder import Embedder
from holotype.errors import TextError
from holotype.pack import load_pack
from tabling import keep

LANGUAGES = {
    "German": "de", "Dutch": "nl", "Swedish": "sv", "French": "fr", "Spanish": "es",
    "Italian": "it", "Portuguese": "pt", "Polish": "pl", "Finnish": "fi", "Turkish": "tr",
    "Vietnamese": "vi", "Russian": "ru", "Greek": "el", "Arabic": "ar", "Hindi": "hi",
    "Korean": "ko",
}  # fmt: skip
LEAST_WORDS = 3


def messages(wheel: zipfile.ZipFile, code: str) -> list[str]:
    found = set()
    for name in wheel.namelist():
        if name.endswith(f"/locale/{code}/LC_MESSAGES/django.mo"):
            translations: Any = gettext.GNUTranslations(io.BytesIO(wheel.read(name)))
            catalog = translations._catalog
            found |= {told for key, told in catalog.items() if key and isinstance(told, str)}
    whole = [one for one in found if not set("%{<") & set(one)]
    return sorted(one for one in whole if len(one.split()) >= LEAST_WORDS)


def doubted(embedder: Embedder, texts: list[str]) -> dict[str, Any]:
    count = 0
    for text in texts:
        try:
            count += any(
                doubt.code == "unknown_words" for doubt in embedder.reader.read(text).doubts
            )
        except TextError:
            count += 1
    return {"texts": len(texts), "doubted": count}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="of Django")
    options = parser.parse_args()
    embedder = Embedder(load_pack("texts"))
    rows = {name: list(load_intents(name).images[:]) for name in INTENT_SOURCES}
    rows["clinc150, out of scope"] = list(load_out_of_scope())
    with zipfile.ZipFile(options.wheel) as wheel:
        rows |= {name: messages(wheel, code) for name, code in LANGUAGES.items()}
    found = {name: doubted(embedder, texts) for name, texts in rows.items()}
    result = {"messages of": options.wheel.name, "rows": found}
    keep("texts", result)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
