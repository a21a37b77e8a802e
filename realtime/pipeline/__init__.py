"""The threads of a session and of a render, and the queues between them."""
