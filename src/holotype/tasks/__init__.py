"""Data sets, class-disjoint splits, episodes and their evaluation, in numpy alone."""
