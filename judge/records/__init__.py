"""What is evaluated: items, outputs, ratings and the scales they are read on."""
