"""Pictures of a fit on matplotlib's axes; matplotlib is imported only when one is drawn."""
