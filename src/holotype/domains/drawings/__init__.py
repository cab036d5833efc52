"""Drawings in ink on paper: characters, signatures, whole frames."""
