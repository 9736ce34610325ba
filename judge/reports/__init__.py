"""What the results say, once they have been admitted."""
