"""Is it any good? Sets of shapes against sets, and judges."""
