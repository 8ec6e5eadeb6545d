"""Floor 5: text, HTML and plots of a fit. Reads frozen results, changes none."""
