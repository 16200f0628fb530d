"""``valor`` in a terminal: with a server, beside one, or without."""
