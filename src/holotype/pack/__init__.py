"""Model packs: folders with everything that recognition needs of a trained model."""

from holotype.pack.card import Card, strangers_in_words
from holotype.pack.catalogue import (
    KnownPack,
    known_packs,
    load_pack,
    made_packs,
    present_name,
    shipped_packs,
)
from holotype.pack.reading import LIMIT_BYTES, TEXT, TEXT_CARD, TOKENIZER, Pack, model_id
from holotype.pack.writing import add_scores, add_self_test, require_new, write_pack

__all__ = [
    "LIMIT_BYTES",
    "TEXT",
    "TEXT_CARD",
    "TOKENIZER",
    "Card",
    "KnownPack",
    "Pack",
    "add_scores",
    "add_self_test",
    "known_packs",
    "load_pack",
    "made_packs",
    "model_id",
    "present_name",
    "require_new",
    "shipped_packs",
    "strangers_in_words",
    "write_pack",
]
