"""Figures: matplotlib, the same colour and line for a method everywhere, light or dark paper.

A figure's data is computed by a function of arrays beside the one that draws it. Drawing functions
return a new `Figure` that no global state knows, so there is nothing to close.
"""

from ltw.bench.figures.style import METHOD_NAMES, method_colour, method_name, pretty

__all__ = ["METHOD_NAMES", "method_colour", "method_name", "pretty"]
