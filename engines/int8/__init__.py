"""The quantised form of a style pack: made, checked, proved."""
