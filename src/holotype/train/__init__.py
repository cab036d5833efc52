"""Learning from background classes, and export as a model pack. The only room that needs torch."""
