"""Rendered or animated people and their forgeries, in the layout of real data sets."""

QUALITIES = ("fixed", "varied")
"""Forgeries as strong as each comes, or each of a strength of its own, filmed by many cameras."""
