"""The command line: parse -> one call -> print."""

from holotype.cli.app import app, main

__all__ = ["app", "main"]
