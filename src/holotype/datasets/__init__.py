"""Data sets, by name or as folders: their pictures, splits and archives, in numpy alone."""
