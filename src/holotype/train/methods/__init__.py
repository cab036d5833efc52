"""The methods, by family: one paper, one file."""
