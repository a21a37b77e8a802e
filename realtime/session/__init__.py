"""All of it wired: a live session, its engines on their way, its numbers; a render as one job."""
