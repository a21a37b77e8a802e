"""Files that are whole or not there: videos, pictures, numbered pictures."""
