"""Floor 6: the calls that users make and the thin objects that they get back."""
