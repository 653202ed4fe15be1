"""Draws the modal of a hand-off's mail: the form, the preview, what came of it. Pure functions of what they are given, in the
language of whoever opened it. What a view must remember between two clicks stands in its `private_metadata`, as our own
reference, never as a name. Before it: mail_modal.py reads; after it: Slack shows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from bot.authoring.templates import RenderedMail
from bot.pipeline.mail_outlook import Outlook
from bot.pipeline.prepared_mails import PreparedMail, text_digest
from bot.slack.blocks import OPTION_TEXT, SECTION_TEXT, Block, actions, button, context, escaped, length, plain, section
from bot.slack.mail_words import mail_word as say

SEND = "mail_send"
TO, TEMPLATE, SUBJECT, BODY = "mail_to", "mail_template", "mail_subject", "mail_body"
PREVIEW, WROTE_MYSELF, REPLACE = "mail_preview", "mail_wrote_myself", "mail_replace"
#: docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element
LONGEST_BODY = 3000
LONGEST_SUBJECT = 200
MOST_READERS = 90
MOST_CHUNKS = 30
NOTE = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class FormMemory:
    """What the form knows of itself. `round` changes with every new text, or Slack would keep what stood in the inputs;
    `digest`: of the text as it was drafted."""

    reference: str
    template: str
    round: int
    digest: str

    def written(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> FormMemory:
        """Raises: ValueError for what we never wrote."""
        try:
            found = json.loads(text)
            return cls(
                reference=str(found["reference"]),
                template=str(found["template"]),
                round=int(found["round"]),
                digest=str(found["digest"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError("a view without our memory") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What stands in the form."""

    to: str | None
    template: str
    subject: str
    body: str

    @property
    def digest(self) -> str:
        return text_digest(self.subject, self.body)


def waiting_view(word: str, locale: str) -> dict[str, Any]:
    return _modal([section(say(word, locale))], locale, close="close")


def told_view(text: str, locale: str) -> dict[str, Any]:
    """`text` is escaped markup."""
    return _modal([section(text)], locale, close="close")


def form_view(
    mail: PreparedMail,
    written: Written,
    memory: FormMemory,
    outlook: Outlook,
    *,
    locale: str,
    zone: str,
    console: str | None,
    is_kept: str | None = None,
) -> dict[str, Any]:
    """`is_kept`: the template that was chosen while the person's own text stands."""
    blocks: list[Block] = [section(_about(mail, locale))]
    blocks += _kept(is_kept, locale)
    blocks += [section(text[:SECTION_TEXT]) for text in _notices(outlook, locale, zone)]
    blocks += [
        _input(f"to{memory.round}", say("to", locale), _reader_select(mail, written, locale)),
        _input(f"template{memory.round}", say("template", locale), _template_select(mail, memory, locale)),
        _input(f"subject{memory.round}", say("subject", locale), _line(written.subject), dispatches=False),
        _input(f"body{memory.round}", say("body", locale), _text(written.body), dispatches=False)
        | {"hint": plain(say("body_hint", locale), 2000)},
        actions(
            "form_buttons", [button(PREVIEW, say("preview", locale), memory.reference), _wrote_myself(memory, locale)]
        ),
        context([say("from", locale, sender=escaped(mail.from_line, NOTE)), *_console_link(console, locale)]),
    ]
    return _modal(blocks, locale, close="cancel") | {
        "callback_id": SEND,
        "submit": plain(say("send", locale), 24),
        "private_metadata": memory.written(),
    }


def too_long_view(mail: PreparedMail, size: int, *, locale: str, console: str | None) -> dict[str, Any]:
    """The text does not fit into Slack: the console takes it."""
    told = say("too_long", locale, length=str(size), most=str(LONGEST_BODY))
    command = f"journeybot handoffs draft {mail.handoff.id}"
    way = f"<{console}|{say('open_console', locale)}>" if console else say("no_console", locale, command=command)
    return _modal([section(_about(mail, locale)), section(f"{told}\n\n{way}")], locale, close="close")


def preview_view(
    mail: PreparedMail, rendered: RenderedMail, outlook: Outlook, *, locale: str, zone: str
) -> dict[str, Any]:
    """What the reader would get, in the words of the plain text part."""
    to = mail.reader.label if mail.reader is not None else "–"
    lines = [
        f"*{say('to', locale)}:* {escaped(to, NOTE)}",
        say("from", locale, sender=escaped(mail.from_line, NOTE)),
        f"*{escaped(rendered.subject, NOTE)}*",
    ]
    blocks = [section(text[:SECTION_TEXT]) for text in _notices(outlook, locale, zone)]
    blocks += [section("\n".join(lines)), {"type": "divider"}]
    blocks += [section(chunk) for chunk in _chunks(rendered.text)][:MOST_CHUNKS]
    return _modal(blocks, locale, close="back")


def remembered(memory: FormMemory, **changes: Any) -> FormMemory:
    """For a form that is drawn anew."""
    return replace(memory, round=memory.round + 1, **changes)


def _modal(blocks: Sequence[Block], locale: str, *, close: str) -> dict[str, Any]:
    return {
        "type": "modal",
        "title": plain(say("title", locale), 24),
        "close": plain(say(close, locale), 24),
        "blocks": list(blocks),
    }


def _about(mail: PreparedMail, locale: str) -> str:
    title = mail.handoff.title.get(locale.split("-")[0]) or next(iter(mail.handoff.title.values()), mail.handoff.step)
    return say("about", locale, customer=escaped(mail.handoff.customer_name, NOTE), title=escaped(title, NOTE))


def _kept(template: str | None, locale: str) -> list[Block]:
    if template is None:
        return []
    replacing = button(REPLACE, say("replace", locale), template, style="danger")
    return [section(f":warning: {say('kept', locale)}"), actions("form_kept", [replacing])]


def _notices(outlook: Outlook, locale: str, zone: str) -> Iterator[str]:
    for notice in outlook.refusals:
        yield ":no_entry: " + say("cannot", locale, why=escaped(notice.sentence(locale, zone), 1000))
    for notice in outlook.warnings:
        yield ":information_source: " + say("note", locale, what=escaped(notice.sentence(locale, zone), 1000))


def _input(block_id: str, label: str, element: Block, *, dispatches: bool = True) -> Block:
    found = {"type": "input", "block_id": block_id, "label": plain(label, 2000), "element": element}
    return found | ({"dispatch_action": True} if dispatches else {})


def _reader_select(mail: PreparedMail, written: Written, locale: str) -> Block:
    """Who must not be mailed stands there too, so that nobody wonders where they are."""
    options = []
    for reader in mail.readers[:MOST_READERS]:
        mark = "" if reader.is_allowed else f"⛔ {say('not_allowed', locale)}: "
        options.append(_option(f"{mark}{reader.label}", str(reader.id)))
    chosen = next((reader for reader in mail.readers if reader.key == written.to), None)
    return _select(TO, options or [_option("–", "0")], str(chosen.id) if chosen is not None else None)


def _template_select(mail: PreparedMail, memory: FormMemory, locale: str) -> Block:
    options = [_option(offer.label(locale), offer.name) for offer in mail.offered if len(offer.name) <= 150]
    return _select(TEMPLATE, options, memory.template)


def _select(action_id: str, options: list[Block], chosen: str | None) -> Block:
    found = {"type": "static_select", "action_id": action_id, "options": options}
    initial = next((option for option in options if option["value"] == chosen), None)
    return found if initial is None else {**found, "initial_option": initial}


def _option(text: str, value: str) -> Block:
    return {"text": plain(text, OPTION_TEXT), "value": value}


def _line(value: str) -> Block:
    found = {"type": "plain_text_input", "action_id": SUBJECT, "max_length": LONGEST_SUBJECT}
    return found | ({"initial_value": value[:LONGEST_SUBJECT]} if value.strip() else {})


def _text(value: str) -> Block:
    found = {"type": "plain_text_input", "action_id": BODY, "multiline": True, "max_length": LONGEST_BODY}
    return found | ({"initial_value": value} if value.strip() else {})


def _wrote_myself(memory: FormMemory, locale: str) -> Block:
    asking = {
        "title": plain(say("wrote_title", locale), 100),
        "text": plain(say("wrote_text", locale), 300),
        "confirm": plain(say("wrote_yes", locale), 30),
        "deny": plain(say("wrote_no", locale), 30),
    }
    return button(WROTE_MYSELF, say("wrote_myself", locale), memory.reference) | {"confirm": asking}


def _console_link(console: str | None, locale: str) -> list[str]:
    return [f"<{console}|{say('open_console', locale)}>"] if console else []


def _chunks(text: str) -> Iterator[str]:
    """The text in pieces that a section holds, broken between lines."""
    chunk = ""
    for line in text.split("\n"):
        shown = escaped(line, SECTION_TEXT - 1) if line.strip() else ""
        if chunk and length(chunk) + length(shown) + 1 > SECTION_TEXT:
            yield chunk
            chunk = ""
        chunk = f"{chunk}\n{shown}" if chunk else shown
    if chunk.strip():
        yield chunk


def written_in(view: Mapping[str, Any], mail_keys: Mapping[str, str], template: str) -> Written:
    """What stands in the inputs of a view; `mail_keys`: a contact's number → its key."""
    values = _values(view)
    to = ((values.get(TO) or {}).get("selected_option") or {}).get("value")
    return Written(
        to=mail_keys.get(str(to)) if to else None,
        template=template,
        subject=str((values.get(SUBJECT) or {}).get("value") or ""),
        body=str((values.get(BODY) or {}).get("value") or ""),
    )


def chosen_template(view: Mapping[str, Any]) -> str | None:
    found = ((_values(view).get(TEMPLATE) or {}).get("selected_option") or {}).get("value")
    return str(found) if found else None


def block_of(view: Mapping[str, Any], action_id: str) -> str:
    """The block in which an input stands; "" when the view has none."""
    blocks = view.get("blocks") or ()
    found = (block for block in blocks if (block.get("element") or {}).get("action_id") == action_id)
    return str(next((block.get("block_id", "") for block in found), ""))


def _values(view: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    state = (view.get("state") or {}).get("values") or {}
    return {action: given for block in state.values() for action, given in block.items()}
