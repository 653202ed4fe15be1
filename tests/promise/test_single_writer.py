"""Nothing but storage/outbox_moves.py moves a message from state to state. Other writes to the table are listed here, each
with what it writes; a new one fails until somebody has looked at it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.pipeline.absorb import COLUMNS as TOLD_COLUMNS
from storage.outbox import Message, MessageState
from storage.outbox_moves import IllegalMove, lock_messages, write_moves
from tests.promise.outbox_rows import owe
from tests.world import World

ROOT = Path(__file__).parents[2]
WRITER = "storage/outbox_moves.py"
#: Module → the names that its other writes to the table set.
OTHERS: dict[str, list[str]] = {
    "bot/pipeline/absorb.py": ["update_rows: COLUMNS"],  # what became of a mail after it was accepted
    "bot/pipeline/batch.py": ["insert_new_rows: MESSAGE_COLUMNS"],  # a new row, which begins as pending
    # Somebody to write to was found, and each further reader gets a new row of their own, pending like every new one.
    "bot/pipeline/recipients.py": ["insert: ", "update: contact_id"],
    "bot/pipeline/sending_prepared.py": [
        "insert: **"
    ],  # the mail that a person sends from a hand-off, pending like every new one
    "bot/pipeline/resuming.py": ["update: not_before", "update: name"],  # a pause moves times; `name` is one of them
}
WRITING = re.compile(r"(^|_)(update|insert|upsert|merge)(_|$)")
TABLES = frozenset({"MESSAGE", "Message"})
SOURCES = sorted(path for folder in ("bot", "storage") for path in (ROOT / folder).rglob("*.py"))
SQL = re.compile(r"\b(update\s+message|insert\s+into\s+message|replace\s+into\s+message)\b", re.IGNORECASE)


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _writes(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Calls that write the table: `update(MESSAGE)`, `MESSAGE.insert()`, `insert_rows(connection, MESSAGE, …)`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not WRITING.search(_name(node.func)):
            continue
        owner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        if TABLES & {_name(found) for found in (*node.args, *owner)}:
            yield node, _name(node.func)


def _columns(tree: ast.AST, write: ast.Call) -> str:
    """What it sets: the words of its `.values(…)`, else the name of its list of columns."""
    around = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node.func) == "values"]
    values = next((node for node in around if any(inner is write for inner in ast.walk(node.func))), None)
    if values is None:
        return ", ".join(ast.unparse(found) for found in write.args[2:3])
    words = [found.arg or "**" for found in values.keywords]
    for found in values.args:
        keys = (
            found.keys if isinstance(found, ast.Dict) else [found.key] if isinstance(found, ast.DictComp) else [found]
        )
        words += [ast.unparse(key) if key is not None else "**" for key in keys]
    return ", ".join(words)


def message_writes(source: str) -> list[str]:
    tree = ast.parse(source)
    found = [f"{kind}: {_columns(tree, call)}" for call, kind in _writes(tree)]
    strings = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return [*found, *(text for text in strings if SQL.search(text))]


def test_no_other_module_moves_a_message() -> None:
    found = {
        name: writes
        for path in SOURCES
        if (name := str(path.relative_to(ROOT))) != WRITER
        and (writes := message_writes(path.read_text(encoding="utf-8")))
    }
    assert found == OTHERS
    assert "state" not in TOLD_COLUMNS


@pytest.mark.parametrize(
    "trick",
    [
        "connection.execute(update(MESSAGE).where(a == b).values(state='accepted'))",
        "connection.execute(MESSAGE.update().values({'state': S.PENDING}))",
        "update_rows(connection, MESSAGE, ('state',), rows)",
        "connection.execute(text('UPDATE message SET state = 1'))",
        "session.execute(insert(Message).values(**row))",
    ],
)
def test_the_look_out_sees_every_way_to_write(trick: str) -> None:
    assert message_writes(trick) != []


def test_a_new_message_is_pending() -> None:
    assert Message.__table__.c.state.default.arg == MessageState.PENDING  # type: ignore[attr-defined]


def test_the_writer_refuses_what_the_table_does_not_know(world: World) -> None:
    (found,) = owe(world, [{"state": MessageState.ACCEPTED.value}])
    with world.database.write() as connection:
        row = lock_messages(connection, [found])[found]
        for state in MessageState:
            if state is not MessageState.ACCEPTED:
                with pytest.raises(IllegalMove):
                    write_moves(connection, [(row, row.to(state, world.now))])
