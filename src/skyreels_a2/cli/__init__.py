"""The command line: one file a verb. The only place where the parts meet."""
