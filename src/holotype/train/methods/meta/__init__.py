"""Meta-learning: a starting point is learned from which a few steps on one task are enough."""
