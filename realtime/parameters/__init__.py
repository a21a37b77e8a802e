"""What the network is played by: the alpha desk, curves, LFOs, tempo, output flags."""
