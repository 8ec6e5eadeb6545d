"""Residual covariance structures: one file each, one line each in `registry`."""
