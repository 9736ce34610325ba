"""Where models run: chat endpoints and text encoders."""
