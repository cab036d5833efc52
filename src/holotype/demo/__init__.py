"""The demonstration: characters from one drawing each, measured, told in words, and shown."""

from holotype.demo.measure import Demo, run
from holotype.demo.page import write_page
from holotype.demo.words import HEADINGS, tables, words

__all__ = ["HEADINGS", "Demo", "run", "tables", "words", "write_page"]
