"""Training: recipes, objectives, data, the loop and its checkpoints."""
