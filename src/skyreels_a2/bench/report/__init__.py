"""The report: one page, one JSON, one CSV, made from rows alone."""
