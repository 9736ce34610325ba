"""How a model decides whether two texts say the same."""
