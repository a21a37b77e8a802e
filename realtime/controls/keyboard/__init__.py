"""Keys of the window and of the terminal."""
