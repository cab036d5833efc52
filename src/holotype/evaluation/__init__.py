"""Episodes, galleries and protocols, and what is measured on them, in numpy alone."""
