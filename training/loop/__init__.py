"""A training run: recipe, steps, checkpoints, log, several processes."""
