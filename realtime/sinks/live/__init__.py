"""What takes frames as they come: recordings, streams, virtual cameras, NDI."""
