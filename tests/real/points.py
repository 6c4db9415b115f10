"""The crash points of a worker, named apart from it: whoever starts a stack need not import a worker."""

POINTS = "CRASH_POINTS"
