"""Data sets that others made, taken in; and ours, in the layouts of other trainers."""
