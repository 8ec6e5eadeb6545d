"""Questions whose answers differ when residuals have a structure."""
