"""The only code that joins storage, rules and channels: the passes, and `ticking.tick`, which runs them in order. Imports nothing,
so that a command which needs one act loads that act alone."""
