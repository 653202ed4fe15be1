"""Weeks of a company's life in which everything goes wrong at random: seeded, with real processes and real kills."""
