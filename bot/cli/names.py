"""Who acts, and whom a command means: options that exactly one of must be given, names that must exist."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from bot.errors import UsageError
from bot.settings import Settings

ForCustomer = Annotated[str | None, typer.Option("--customer", "-c", metavar="KEY", help="One customer.")]
ForContact = Annotated[str | None, typer.Option("--contact", metavar="KEY", help="One contact.")]
ForAll = Annotated[bool, typer.Option("--all", help="Everybody.")]
By = Annotated[
    str | None,
    typer.Option("--by", metavar="CSM", help="Who does it (default: JOURNEYBOT_USER, else your login name)."),
]


def the_one(**given: str | bool | None) -> tuple[str, str]:
    """Name and value of the only option that was given; `--all` has no value. Raises: UsageError."""
    found = [(name, value) for name, value in given.items() if value]
    options = " or ".join(f"--{name}" for name in given)
    if len(found) != 1:
        problem = "Whom do you mean?" if not found else "That names several at once"
        raise UsageError(problem, hint=f"give exactly one of {options}")
    name, value = found[0]
    return name, value if isinstance(value, str) else ""


def who_acts(by: str | None, settings: Settings) -> str:
    """Raises: UsageError where nobody can be named."""
    if by or settings.user:
        return by or settings.user or ""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, in some containers
        raise UsageError("It is not known who you are", hint="say --by CSM, or set JOURNEYBOT_USER") from None
