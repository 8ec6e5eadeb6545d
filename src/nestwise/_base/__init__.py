"""Floor 0: errors, array aliases, diagnostics, options. Imports nothing of the package."""
