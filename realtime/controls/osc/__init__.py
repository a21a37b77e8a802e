"""Open Sound Control: messages in, subscribers told."""
