"""Reads one template file: its name and language from the path, the front matter as raw lines, the body untouched.
Never renders and never raises: what is wrong becomes a Finding with the line. After: template_masks and
template_guard look at the pieces."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from bot.authoring.assist import SITUATION, SITUATIONS
from bot.errors import Finding, Severity

Syntax = Literal["md", "html"]
Category = Literal["lifecycle", "education", "newsletter", "survey", "transactional"]

FOLDER = "templates/emails/"
CATEGORIES: tuple[Category, ...] = ("lifecycle", "education", "newsletter", "survey", "transactional")
FIELDS = ("subject", "preheader", "category", "assist")
MOST_BYTES: dict[str, int] = {"md": 24 * 1024, "html": 96 * 1024}
"""Markdown's worst inputs cost more than linear time: at this size they stay below half a second."""

_FILE_NAME = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9_-]*)\.(?P<locale>[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)\.(?P<syntax>md|html)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of template text and the line of the file on which it begins (from 1)."""

    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSource:
    """One template file, taken apart but not yet understood."""

    path: str
    name: str
    locale: str
    syntax: Syntax
    category: Category
    subject: Piece
    preheader: Piece
    body: Piece
    assist: str = ""


def is_layout(path: str) -> bool:
    return path.startswith(FOLDER + "_layout.")


def is_template(path: str) -> bool:
    """Files of the mail folder that claim to be a template; notes such as README.md and partials (`_x`) do not."""
    stem = path.removeprefix(FOLDER)
    looks_like_mail = path.startswith(FOLDER) and path.endswith((".md", ".html"))
    return looks_like_mail and not stem.startswith(("_", ".", "README"))


def name_and_locale(path: str) -> tuple[str, str] | None:
    """What a template's path says; None for other files and for names that say neither."""
    named = _FILE_NAME.fullmatch(path.removeprefix(FOLDER))
    return (named["name"], named["locale"]) if named is not None and is_template(path) else None


def read_source(path: str, text: str) -> tuple[TemplateSource | None, list[Finding]]:
    """The file's parts, or None beside the findings that say why not."""
    named = _FILE_NAME.fullmatch(path.removeprefix(FOLDER))
    if named is None:
        hint = "call it NAME.LOCALE.md, such as welcome.ja.md (small letters, digits, _ and -)"
        return None, [_finding(path, 1, "file-name", "The file's name does not say its template and language", hint)]
    most = MOST_BYTES[named["syntax"]]
    if len(text.encode("utf-8", "replace")) > most:
        hint = "keep a mail short; link to the long text"
        return None, [_finding(path, 1, "too-long", f"The template is longer than {most // 1024} KB", hint)]
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    values, body_from, findings = _read_front_matter(path, lines)
    findings += _check_values(path, values)
    if any(found.severity == "error" for found in findings):
        return None, findings
    source = TemplateSource(
        path=path,
        name=named["name"],
        locale=named["locale"],
        syntax=cast(Syntax, named["syntax"]),
        category=cast(Category, values["category"].text if "category" in values else "lifecycle"),
        subject=values["subject"],
        preheader=values.get("preheader", Piece(text="", line=1)),
        body=Piece(text="\n".join(lines[body_from:]), line=body_from + 1),
        assist=values["assist"].text if "assist" in values else "",
    )
    return source, findings


def _read_front_matter(path: str, lines: list[str]) -> tuple[dict[str, Piece], int, list[Finding]]:
    """Values by key, the index of the body's first line, and what is wrong."""
    hint = "begin the file with: --- / subject: … / preheader: … / category: lifecycle / ---"
    if lines[0].strip() != "---":
        return {}, 0, [_finding(path, 1, "front-matter", "The file does not begin with a `---` line", hint)]
    end = next((at for at, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if end is None:
        return {}, 0, [_finding(path, 1, "front-matter", "The front matter is not closed by a second `---` line", hint)]
    values: dict[str, Piece] = {}
    findings: list[Finding] = []
    for number, line in enumerate(lines[1:end], 2):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, colon, value = line.partition(":")
        problem = _problem_of_line(key.strip(), colon, values)
        if problem:
            findings.append(_finding(path, number, "front-matter", *problem))
            continue
        values[key.strip()] = Piece(text=value.strip(), line=number)
        if len(value.strip()) > 1 and value.strip()[0] == value.strip()[-1] == '"':
            message = f"The quotes around `{key.strip()}` will be sent: front matter is raw text"
            findings.append(_finding(path, number, "quotes", message, "remove the quotes", severity="warning"))
    if not findings and not values.get("subject", Piece(text="", line=1)).text:
        findings.append(_finding(path, 1, "front-matter", "The mail has no subject", "add a line `subject: …`"))
    return values, end + 1, findings


def _check_values(path: str, values: dict[str, Piece]) -> list[Finding]:
    findings: list[Finding] = []
    category = values.get("category")
    if category is not None and category.text not in CATEGORIES:
        message = f"`{category.text}` is not a category of mail"
        findings.append(_finding(path, category.line, "category", message, "one of " + ", ".join(CATEGORIES)))
    assist = values.get("assist")
    if assist is not None and not SITUATION.fullmatch(assist.text):
        message = f"`{assist.text}` does not name a situation"
        hint = "one word such as " + ", ".join(SITUATIONS)
        findings.append(_finding(path, assist.line, "assist", message, hint))
    if "subject" in values and assist is None and not values.get("preheader", Piece(text="", line=1)).text:
        message = "The mail has no preheader: the inbox shows its first words instead"
        hint = "add a line `preheader: …`, one sentence that the subject does not say"
        findings.append(_finding(path, 1, "preheader", message, hint, severity="warning"))
    return findings


def _problem_of_line(key: str, colon: str, seen: dict[str, Piece]) -> tuple[str, str] | None:
    """Sentence and hint for a front matter line that cannot be read."""
    if not colon:
        if "：" in key:
            return "The line has a full-width colon `：`", "write an ASCII colon `:` after the key"
        return "The line is not `key: value`", "one line for each of " + ", ".join(FIELDS) + "; values do not wrap"
    if key not in FIELDS:
        return f"`{key}` is not a key of the front matter", "one of " + ", ".join(FIELDS)
    if key in seen:
        return f"`{key}` is given twice", "keep one"
    return None


def _finding(path: str, line: int, rule: str, message: str, hint: str, *, severity: Severity = "error") -> Finding:
    return Finding(
        file=path, line=line, path="", rule=f"template-{rule}", severity=severity, message=message, hint=hint
    )
