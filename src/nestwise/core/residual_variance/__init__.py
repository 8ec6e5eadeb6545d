"""Residual variance functions: one file each, one line each in `registry`."""
