"""Alpha over time: keyframes, their files, edits and plots, MIDI files, takes of a performance."""
