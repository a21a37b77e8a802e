"""The frame path, live and offline: sources, sinks, and what stands between them."""
