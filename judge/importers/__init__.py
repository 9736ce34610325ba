"""Files of other tools, recognised by their shape and read into our own rows."""
