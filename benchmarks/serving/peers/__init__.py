"""Servers of others that do the same work, installed from PyPI into environments of their own."""
