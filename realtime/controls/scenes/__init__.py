"""Scenes: a style and its strengths under a name."""
