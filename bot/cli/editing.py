"""`outbox edit`: a mail as a person rewrites it, given on the command line or in their editor. Before it: outbox.py; after it:
bot.pipeline.outbox_acts stores it, and the next tick sends it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path

from bot.app import App
from bot.authoring.template_drafts import AssistDraft
from bot.authoring.templates import Draft
from bot.cli.acting import ActCall, doing
from bot.cli.printing import print_line, shown
from bot.errors import UsageError
from bot.insight.listings import MailText, show_mail
from bot.pipeline import outbox_acts
from bot.pipeline.edited_mails import EditedMail
from bot.pipeline.preflight import Letter
from storage.outbox_moves import MessageRow


def edit_mail(
    app: App, call: ActCall, mail: int, subject: str | None, body: Path | None, fills: Mapping[str, str]
) -> MessageRow:
    """Raises: UsageError."""
    published = app.require_published()
    ground = app.ground(published)
    with app.database.write() as connection:
        outbox_acts.check_editable(connection, mail)
        edited = EditedMail.load(connection, published, ground, mail, app.clock.now())
    written = _written(edited, subject, body, fills)  # no transaction is open while somebody writes
    letter = edited.letter(written.subject, written.body_markdown)
    with app.database.read() as connection:
        before = show_mail(connection, mail)
    with doing(call, app) as doer:
        row = outbox_acts.edit(doer.connection, mail, letter, by=doer.by, at=doer.at)
    if not call.as_json:
        _print_changes(before, letter)
    return row


def _print_changes(before: MailText, letter: Letter) -> None:
    """Line by line, what the person changed."""
    old = [before.row.subject or "", *(before.text or "").splitlines()]
    new = [letter.mail.subject, *letter.mail.text.splitlines()]
    for line in list(unified_diff(old, new, lineterm="", n=1))[2:]:
        if not line.startswith("@@"):
            print_line(shown(line))


def _written(edited: EditedMail, subject: str | None, body: Path | None, fills: Mapping[str, str]) -> Draft:
    """Where --set fills every gap, nobody has to write anything."""
    text = None if body is None else sys.stdin.read() if str(body) == "-" else body.read_text(encoding="utf-8")
    if subject is not None and text is not None:
        return Draft(subject=subject, body_markdown=text)
    draft = edited.draft(fills)
    if subject is None and text is None:
        is_filled = bool(fills) and not draft.gaps
        return Draft(subject=draft.subject, body_markdown=draft.body_markdown) if is_filled else _from_editor(draft)
    return Draft(
        subject=draft.subject if subject is None else subject,
        body_markdown=draft.body_markdown if text is None else text,
    )


def _from_editor(draft: AssistDraft) -> Draft:
    """What the person saved: subject on the first line, an empty line, the text."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise UsageError("No editor is set", hint="set EDITOR, or give --subject and --body FILE")
    with tempfile.TemporaryDirectory(prefix="journeybot-") as folder:
        path = Path(folder) / "mail.md"
        path.write_text(f"{draft.subject}\n\n{draft.body_markdown}", encoding="utf-8")
        done = subprocess.run([*shlex.split(editor), str(path)], check=False)
        if done.returncode != 0:
            raise UsageError(f"The editor ended with {done.returncode}, so nothing was stored")
        subject, _, text = path.read_text(encoding="utf-8").partition("\n")
    return Draft(subject=subject.strip(), body_markdown=text.strip() + "\n")
