"""Metrics: one file each, one registry. Published names belong to published definitions alone."""
