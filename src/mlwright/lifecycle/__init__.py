"""The standard recipe, and the loop that retrains, gates, rolls out, verifies and rolls back."""
