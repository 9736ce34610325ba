"""Rules that must hold, and what came of each."""
