"""Rendered or animated people and their forgeries, in the layout of real data sets."""
