"""One operation of GraphQL, over whichever transport: what may run, and how it runs."""
