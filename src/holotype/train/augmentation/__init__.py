"""Changes to training pictures that leave their class as it is."""
