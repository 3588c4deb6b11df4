"""Rendered scenes with ground truth: characters and objects that act before backgrounds.

Flow: an `AssetSource` has the pictures, `sample_scene` makes up a `Scene` from a seed, `render`
turns it into frames and knows where everything is in them, `truth` writes that down. NumPy and
Pillow only; nothing here knows of models.
"""
