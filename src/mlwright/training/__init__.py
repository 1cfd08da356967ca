"""Fit models honestly within a budget."""
