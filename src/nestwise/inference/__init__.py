"""Floor 4: one file per question to a frozen fit; functions read it, none changes it."""
