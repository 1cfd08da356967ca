"""Faults planted into honest tables, to count how many are found and how often nothing is called a fault."""
