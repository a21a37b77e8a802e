"""Cameras, streams, the screen and a test card: the newest frame first."""
