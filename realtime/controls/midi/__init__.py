"""MIDI: ports that come and go, messages into events, lights and motor faders told back."""
