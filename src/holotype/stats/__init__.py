"""Formulas of scores, shares and intervals: each once, with its source."""
