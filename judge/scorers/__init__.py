"""How a record gets a score, or the fate that says why it has none."""
