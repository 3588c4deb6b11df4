"""Suites: where cases come from, and the names their own scorers expect of the videos."""
