"""Floor 5: describe, centre and simulate data, read files and bundled data sets."""
