"""Rooms: who is in a model, and word of it between workers, over one bus."""
