"""Rooms, presence and pub/sub. Today: the connection to Redis, and whether it answers."""
