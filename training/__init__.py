"""Networks, losses, data and loops that make style packs, and what every room may use."""
