"""Things in photographs, in all their tones."""
