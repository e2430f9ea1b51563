"""What training and evaluation share: clips, caches, voices, windows, judges."""
