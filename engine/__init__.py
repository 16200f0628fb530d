"""Pure numerics: what things are worth. It imports nothing of ours, does no I/O."""
