"""One server process or several: how they listen, stand side by side, and stop."""
