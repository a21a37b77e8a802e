"""Measuring networks, and looking at what came out."""
