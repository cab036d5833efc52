"""What every page of holotype shares: one self-contained file, its style, and its pictures."""

from holotype.pages.document import document, prose, write
from holotype.pages.tiles import meter, tile

__all__ = ["document", "meter", "prose", "tile", "write"]
