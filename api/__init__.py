"""The roof: sockets, settings, wiring."""
