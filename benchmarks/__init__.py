"""Speed and memory, side by side in one run: ratios to read, never tests that fail by a clock."""
