"""Floor 3: design to frozen fit; starting values, optimisers, the verdict."""
