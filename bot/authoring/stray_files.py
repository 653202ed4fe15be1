"""What `check` says about YAML files that nothing reads: a journey beside `journeys/`, a company-wide file under another name or in
another folder. Whoever wrote one believes that it acts. Knows paths and texts; reads nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

from bot.authoring.nearest import nearest
from bot.errors import Finding, Severity

PLAYBOOKS = "playbooks/"
JOURNEY = re.compile(r"^(steps|enter|walks)\s*:", re.MULTILINE)
TEST = re.compile(r"^\s*-?\s*expect\s*:", re.MULTILINE)
ENDINGS = (".yml", ".yaml")


def check_stray_files(files: Mapping[str, str], company_files: Collection[str]) -> Iterator[Finding]:
    """`files`: path → text of the workspace. What looks like something that should act is an error, the rest a warning."""
    for path, text in files.items():
        if path.endswith(ENDINGS) and path.startswith(PLAYBOOKS) and not _is_read(path, company_files):
            yield _finding(path, *_advice(path, text, company_files))


def check_outside(paths: Collection[str], company_files: Collection[str]) -> Iterator[Finding]:
    """`paths`: YAML files of the workspace's own folder, and of `journeys/` in it. Other programs' files are none of ours."""
    for path in paths:
        place = PurePosixPath(path)
        wanted = f"{PLAYBOOKS}{place.stem}.yml" if len(place.parts) == 1 else f"{PLAYBOOKS}{path}"
        if len(place.parts) > 1 or wanted in company_files:
            yield _finding(path, "error", f"move it to {wanted}")


def _is_read(path: str, company_files: Collection[str]) -> bool:
    return path in company_files or path.startswith((f"{PLAYBOOKS}journeys/", f"{PLAYBOOKS}tests/"))


def _advice(path: str, text: str, company_files: Collection[str]) -> tuple[Severity, str]:
    place = PurePosixPath(path)
    names = {PurePosixPath(known).stem: known for known in company_files}
    if JOURNEY.search(text):
        return "error", f"journeys lie in {PLAYBOOKS}journeys/: move it to {PLAYBOOKS}journeys/{place.stem}.yml"
    if place.stem.endswith(".test") or TEST.search(text):
        return "error", f"playbook tests lie in {PLAYBOOKS}tests/: move it to {PLAYBOOKS}tests/{place.name}"
    found = nearest(place.stem, names)
    if found is not None:
        return "error", f"did you mean {names[found]}? Then rename it"
    return "warning", f"delete it, or move it out of {PLAYBOOKS}; its own files are {', '.join(sorted(names))} (.yml)"


def _finding(path: str, severity: Severity, hint: str) -> Finding:
    message = "Nothing reads this file, so nothing in it acts"
    return Finding(file=path, line=1, path="", rule="stray-file", severity=severity, message=message, hint=hint)
