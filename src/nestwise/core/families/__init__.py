"""Families of responses: one file each, one line each in `registry`."""
