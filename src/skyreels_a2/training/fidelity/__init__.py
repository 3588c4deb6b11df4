"""Fidelity: are the given elements in the video, and do they do what the prompt says?

`suite` makes held-out compositions whose truth is known, `matching` finds a reference in frames,
`measures` asks the questions, `report` asks them of the truth, of a VAE and of any composer.
"""
