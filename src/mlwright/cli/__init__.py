"""Parse and render; no decisions."""
