"""The mapping file: its sections, learning it by moving a control, and edits while it is used."""
