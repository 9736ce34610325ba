"""What was measured: outcomes, runs and the store that keeps them."""
