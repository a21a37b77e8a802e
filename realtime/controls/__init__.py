"""What performers touch: keyboard, MIDI, OSC, scenes, and the mapping that says what each does."""
