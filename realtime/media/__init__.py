"""What all sources and sinks share: the Frame, colours, exact times, HDR, transparency."""
