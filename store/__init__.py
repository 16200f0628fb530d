"""What is kept, and the only door to a tenant's rows."""
