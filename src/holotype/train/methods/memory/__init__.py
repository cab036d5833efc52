"""Memory: a network that writes an example down and reads it back."""
