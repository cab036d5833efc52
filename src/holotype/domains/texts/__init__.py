"""Texts: cut into pieces of words, and the sentence encoder that the pack `texts` is made of.

What cuts them and what holds the weights needs the extra `text`; nothing of it is imported before a
text is read.
"""

from holotype.extras import Extra

EXTRA = Extra("text", ("tokenizers", "safetensors"), "a text needs {}")
