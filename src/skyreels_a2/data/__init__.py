"""From raw videos to triplets: reference pictures, a video, a caption.

A source video goes through probe, shots, quality, elements, persons and captions in one worker,
and is committed whole (`unit`, `ledger`, `build`). Then near-duplicates go from the set as a whole, and it is
matched across shots, split and written (`gathering`). Nothing here knows of models' training.
"""
