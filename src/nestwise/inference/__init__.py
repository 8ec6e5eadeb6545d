"""Floor 4: one file per question asked of a frozen fit; every function reads it, none changes it."""
