"""Covariance structures of random-effects terms: one file each, one line each in `registry`."""
