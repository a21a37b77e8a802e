"""One module an engine, and what the engines on a GPU share."""
