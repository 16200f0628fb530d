"""Every layer of protection taken away in turn: see `__main__`."""
