"""Fidelity: are the given elements in the video, and do they do what the prompt says?

`suite` makes held-out compositions whose truth is known, `matching` finds a subject in frames and
`places` a background, `measures` asks the questions, `study` asks them of the truth, of a VAE and
of any composer.
"""
