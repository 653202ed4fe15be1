"""Pulls: rows that we fetch where teams already have them (a warehouse, a CRM), read as an import reads a file."""
