"""From raw videos to triplets: reference pictures, a video, a caption.

A source video goes through probe, shots, quality, elements, persons and captions in one worker,
and is committed whole (`unit`, `ledger`, `build`). Then the set as a whole is freed of
near-duplicates, matched across shots, split and written (`gathering`). Nothing here knows of
models' training.
"""
