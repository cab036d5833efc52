"""Any picture -> the numbers that a model sees, and what is wrong with it."""
