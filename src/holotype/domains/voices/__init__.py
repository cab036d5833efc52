"""Voices: recordings read, the speech in them found, and made the windows that a model hears.

What reads and resamples files needs the extra `audio`; nothing of it is imported before a recording
is.
"""
