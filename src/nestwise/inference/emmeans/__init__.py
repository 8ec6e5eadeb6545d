"""Estimated marginal means, their contrasts, and trends of covariates."""
