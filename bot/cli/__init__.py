"""The command line. `main` is the console script `journeybot`; `python -m bot.cli` does the same. Commands parse what was
typed, call the layers below and print; they decide nothing. program.py joins them, one module per group of commands."""

from __future__ import annotations

from bot.cli.program import main

__all__ = ["main"]
