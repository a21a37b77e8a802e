"""Photographs that networks are trained on."""
