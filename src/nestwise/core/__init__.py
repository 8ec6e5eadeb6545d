"""Floor 2, arrays only: cross-products, criterion, exact derivatives, compiled kernels."""
