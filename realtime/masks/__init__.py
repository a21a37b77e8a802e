"""Where: sources of masks, by which the inside and the outside of a picture have strengths of their own."""
