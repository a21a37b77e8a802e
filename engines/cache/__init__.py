"""Finished engines on disk, so that a style opens at once the second time."""
