"""Linear models whose rows are correlated beyond random effects: Cov(y) = sigma^2 (Z G Z' + R)."""
