"""What the network's colours are normalised by, for whoever needs the numbers without torch."""

COLOUR_MEAN = (0.485, 0.456, 0.406)
"""Mean of RGB in 0..1 that is subtracted on the way in and added on the way out."""
COLOUR_STD = (0.229, 0.224, 0.225)
"""Standard deviation of RGB in 0..1 that the network's numbers are measured in."""
