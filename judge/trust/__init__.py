"""Whether a judge is to be believed."""
