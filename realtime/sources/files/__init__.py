"""Files: every frame at its exact time, and the packets of all other tracks."""
