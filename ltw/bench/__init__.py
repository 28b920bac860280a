"""Suites of runs, their tables, figures and reports."""
