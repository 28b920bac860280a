"""What was found, as numbers: runs, estimates, comparisons, robustness, published figures."""
