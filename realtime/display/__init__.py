"""The window and what is drawn over the picture."""
