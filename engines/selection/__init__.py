"""Which engine `auto` takes, measured on this machine."""
