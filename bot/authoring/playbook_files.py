"""YAML → Playbook: one file becomes a playbook with the places of everything in it, or findings that say how to repair it.
Reads texts, never files, and never raises for what people wrote. Before: yaml_source. After: the checks of structure,
conditions and templates, which point with `Source`."""

from __future__ import annotations

from pathlib import PurePosixPath

from bot.authoring.model_file import read_model, tidy_findings
from bot.authoring.placed import ParsedPlaybook, PlacedText, Places, Source
from bot.authoring.playbook_graph import check_playbooks
from bot.authoring.playbook_structure import check_structure, waits_without_limit
from bot.errors import Finding
from bot.rules.playbook import Playbook

__all__ = [
    "ParsedPlaybook",
    "PlacedText",
    "Source",
    "check_playbooks",
    "check_structure",
    "load_playbook",
    "playbook_name",
    "waits_without_limit",
]


def playbook_name(file: str) -> str:
    """A playbook's name: its file's stem."""
    return PurePosixPath(file.replace("\\", "/")).stem


def load_playbook(text: str | bytes, file: str) -> tuple[ParsedPlaybook | None, list[Finding]]:
    """The playbook, or None and what must be repaired. `file` is relative to the workspace."""
    places = Places(file=file)
    playbook = read_model(text, places, Playbook, what="A playbook", filled={"name": playbook_name(file)})
    if playbook is None:
        return None, tidy_findings(places.findings)
    return ParsedPlaybook(playbook=playbook, source=places.source()), []
