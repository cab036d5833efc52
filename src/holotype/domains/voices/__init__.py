"""Voices: recordings read, the speech in them found, and made the windows that a model hears.

What reads and resamples files needs the extra `audio`; nothing of it is imported before a recording
is.
"""

from holotype.extras import Extra

EXTRA = Extra(
    "audio",
    ("soundfile", "_soundfile", "soxr", "cffi", "_cffi_backend"),
    "a recording needs {}",
)
