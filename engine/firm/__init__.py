"""What a firm is, whatever is asked of it: its business, its cost of capital, who owns it."""
