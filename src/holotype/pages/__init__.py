"""What every page of holotype shares: one self-contained file, its style, and its pictures."""

from holotype.pages.document import check_ending, page, prose, write
from holotype.pages.histograms import Bars, Cut, histograms
from holotype.pages.tiles import Pixels, meter, readable, tile

__all__ = [
    "Bars",
    "Cut",
    "Pixels",
    "check_ending",
    "histograms",
    "meter",
    "page",
    "prose",
    "readable",
    "tile",
    "write",
]
