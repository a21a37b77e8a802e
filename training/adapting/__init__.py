"""A style vector for a new painting in a minute: a palette's network stays, its vector learns."""
