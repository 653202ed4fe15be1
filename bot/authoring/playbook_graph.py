"""Checks playbooks against each other and against what there is: names of playbooks and templates, cycles of `enroll`, two
files of one name, kinds that this version cannot walk yet. After playbook_structure, before deploy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from bot.authoring.nearest import suggestion
from bot.authoring.placed import ParsedPlaybook
from bot.errors import Finding
from bot.rules.steps_model import EmailStep, EnrollStep, HandoffStep


def check_playbooks(
    parsed: Collection[ParsedPlaybook], templates: Collection[str], *, others: Collection[str] = ()
) -> list[Finding]:
    """Findings across playbooks. `others`: playbooks that exist but could not be read, so that whoever enrolls them is
    not told that they are missing."""
    by_name = {found.playbook.name: found for found in parsed}
    names = set(by_name) | set(others)
    findings = [*_check_names(parsed), *_check_cycles(by_name)]
    for playbook in parsed:
        findings += _check_playbook_references(playbook, by_name, names)
        findings += _check_templates(playbook, templates)
    return findings


def _check_names(parsed: Collection[ParsedPlaybook]) -> Iterator[Finding]:
    """A playbook is known by its file's stem, wherever the file lies."""
    seen: dict[str, str] = {}
    for found in parsed:
        earlier = seen.setdefault(found.playbook.name, found.source.file)
        if earlier != found.source.file:
            message = f"Two files are called `{found.playbook.name}`; the other is {earlier}"
            yield found.source.finding("", "duplicate-playbook", message, "rename one; the folder does not count")


def _check_playbook_references(
    parsed: ParsedPlaybook, by_name: Mapping[str, ParsedPlaybook], names: Collection[str]
) -> Iterator[Finding]:
    references = [
        (f"{placed.path}.enroll", placed.step.playbook)
        for placed in parsed.steps()
        if isinstance(placed.step, EnrollStep)
    ]
    if after := parsed.playbook.enter.after:
        references.append(("enter.after", after.playbook))
    for path, name in references:
        if name not in names:
            hint = suggestion(name, names - {parsed.playbook.name} if isinstance(names, set) else names)
            yield parsed.source.finding(path, "unknown-playbook", f"There is no playbook `{name}`", hint)
    for path, name in references:
        other = by_name.get(name)
        acts = parsed.playbook.state == "live"
        if other is not None and acts and path != "enter.after" and other.playbook.state != "live":
            message = f"`{name}` is `state: {other.playbook.state}`, so nobody will enter it from here"
            yield parsed.source.finding(path, "not-live", message, f"set `{name}` live", severity="warning")


def _check_templates(parsed: ParsedPlaybook, templates: Collection[str]) -> Iterator[Finding]:
    for placed in parsed.steps():
        step = placed.step
        if isinstance(step, EmailStep):
            path, template = f"{placed.path}.{step.kind}", step.template
        elif isinstance(step, HandoffStep) and step.prepare:
            path, template = f"{placed.path}.prepare", step.prepare
        else:
            continue
        if template not in templates:
            hint = suggestion(template, templates) or f"write templates/emails/{template}.en.md"
            yield parsed.source.finding(path, "unknown-template", f"There is no template `{template}`", hint)


def _check_cycles(by_name: Mapping[str, ParsedPlaybook]) -> Iterator[Finding]:
    """S21: playbooks that enroll each other in a ring would never stop; each ring is told once, where it closes."""
    edges = {
        name: [
            (placed.path, placed.step.playbook)
            for placed in parsed.steps()
            if isinstance(placed.step, EnrollStep) and placed.step.playbook in by_name
        ]
        for name, parsed in by_name.items()
    }
    finished: set[str] = set()
    for name in sorted(edges):
        yield from _rings(name, edges, by_name, finished)


def _rings(
    start: str,
    edges: Mapping[str, list[tuple[str, str]]],
    by_name: Mapping[str, ParsedPlaybook],
    finished: set[str],
) -> Iterator[Finding]:
    """Depth first, without recursion: a workspace may hold chains of any length."""
    if start in finished:
        return
    trail = [start]
    waiting = [iter(edges[start])]
    while waiting:
        path, target = next(waiting[-1], ("", ""))
        if not target:
            waiting.pop()
            finished.add(trail.pop())
        elif target in trail:
            ring = " → ".join([*trail[trail.index(target) :], target])
            message = f"These playbooks enroll each other in a ring: {ring}"
            source = by_name[trail[-1]].source
            yield source.finding(f"{path}.enroll", "enroll-cycle", message, "take one `enroll` out")
        elif target not in finished:
            trail.append(target)
            waiting.append(iter(edges[target]))
