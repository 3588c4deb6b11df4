"""The source that is always there: figures, things and places drawn by this package's own code."""
