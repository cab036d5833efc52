"""Whatever a program prepares for a model: nothing here reads a source."""
