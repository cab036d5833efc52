"""Packs from models that others trained: built, tried out, measured, sent and fetched."""
