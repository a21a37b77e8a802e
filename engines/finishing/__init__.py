"""The finishing step: the original mixed into a network's picture, its colours kept, both apart by a mask."""
