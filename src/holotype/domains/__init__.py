"""Kinds of things, one folder each: how they are read, found, judged, and made ready."""
