"""Batch execution: what still needs scoring, and scoring it."""
