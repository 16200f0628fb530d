"""What the product does, and for whom: authorise, compute, keep, remember."""
