"""Model packs: folders with everything that recognition needs of a trained model."""

from holotype.pack.card import strangers_in_words
from holotype.pack.reading import (
    LIMIT_BYTES,
    Pack,
    load_pack,
    model_id,
    shipped_packs,
)
from holotype.pack.writing import add_scores, write_pack

__all__ = [
    "LIMIT_BYTES",
    "Pack",
    "add_scores",
    "load_pack",
    "model_id",
    "shipped_packs",
    "strangers_in_words",
    "write_pack",
]
