"""Migrations: how a database of an older journeybot becomes one of this. Alembic reads env.py and versions/; storage.upgrade
runs them, and `just migration "message"` (`python -m storage.migrations`) writes the next one from the tables."""
