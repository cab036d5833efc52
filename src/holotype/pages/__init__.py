"""What every page of holotype shares: one self-contained file, its style, and its pictures."""

from holotype.pages.document import check_ending, document, prose, write
from holotype.pages.tiles import meter, tile

__all__ = ["check_ending", "document", "meter", "prose", "tile", "write"]
