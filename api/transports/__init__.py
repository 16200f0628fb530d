"""How operations come and answers go: HTTP, sockets, server-sent events, and GraphiQL."""
