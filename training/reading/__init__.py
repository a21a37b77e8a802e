"""Pictures, TOML and JSON that strangers may have made, read with care."""
