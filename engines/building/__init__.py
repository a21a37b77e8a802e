"""Engines built by a process of their own, for a session that plays on another one meanwhile."""
