"""Metric learning: a distance is learned in advance, and a query goes to what lies nearest."""
