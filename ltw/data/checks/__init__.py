"""Checks of a store: damage, duplicates, leaks between splits, counterparts, completeness."""
