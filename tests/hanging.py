"""How long a test waits for another process: until it must be hanging, however busy the machine."""

HANGS_S = 1200
