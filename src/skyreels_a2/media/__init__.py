"""Pictures and videos: opening, fitting, writing, sheets. Needs no torch."""
