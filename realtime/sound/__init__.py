"""Levels of bands of sound, live and from a file's track, that move alpha."""
