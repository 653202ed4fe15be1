"""Playbook tests: each case on a database of its own, with the real passes and a clock that jumps from one due moment to the next.
Above the app, below the command line. Nothing real is ever connected."""
