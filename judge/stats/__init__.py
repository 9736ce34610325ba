"""Estimates with their limits, or the reason there is none."""
