"""Generative methods: what else belongs to a class, from one example of it."""
