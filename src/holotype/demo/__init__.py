"""The demonstration: characters from one drawing each, measured, told in words, and shown."""

from holotype.demo.measurement import Demo, run
from holotype.demo.result_page import write_page
from holotype.demo.story import HEADINGS, tables, words

__all__ = ["HEADINGS", "Demo", "run", "tables", "words", "write_page"]
