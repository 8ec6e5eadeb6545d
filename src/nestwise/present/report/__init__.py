"""One self-contained page on a fit: what was asked, what was found, how it was done."""
