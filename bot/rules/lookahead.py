"""What a walk will send after the step on which it waits, as far as the playbook alone can tell: the mails on every way on up to
the next wait. Pure. `is_sure` means that no condition, split or answer decides in between; the walk may still end first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.rules.program import Node, Program
from bot.rules.steps_model import BranchStep, EmailStep, EndStep, IfStep, SplitStep, WaitStep


@dataclass(frozen=True, slots=True, kw_only=True)
class MailAhead:
    """One mail that may come next."""

    step: str
    template: str
    sender: str
    is_sure: bool


def mails_ahead(program: Program, step: str) -> tuple[MailAhead, ...]:
    """For a walk that stands on `step`; empty: no mail comes before it waits again."""
    node = program.nodes[step]
    found: dict[str, MailAhead] = {}
    for mail in _from(program, node):
        before = found.setdefault(mail.step, mail)
        if mail.is_sure and not before.is_sure:
            found[mail.step] = mail
    return tuple(found.values())


def _from(program: Program, node: Node) -> Iterator[MailAhead]:
    if isinstance(node.step, EmailStep):
        yield from _on(program, node.id, is_sure=True)
    elif isinstance(node.step, WaitStep) and node.step.until is None:
        yield from _on(program, node.next, is_sure=True)
    elif isinstance(node.step, WaitStep):
        for way in (node.then, node.otherwise):
            yield from _on(program, way, is_sure=False)


def _on(program: Program, step: str | None, *, is_sure: bool) -> Iterator[MailAhead]:
    if step is None:
        return
    node = program.nodes[step]
    match node.step:
        case EmailStep() as mail:
            sure = is_sure and mail.when is None
            yield MailAhead(step=node.id, template=mail.template, sender=mail.sender, is_sure=sure)
            if mail.when is not None:  # skipped, the walk goes on at once
                yield from _on(program, node.next, is_sure=False)
        case WaitStep():
            return
        case EndStep():
            yield from _on(program, node.next, is_sure=False)
        case IfStep() | BranchStep() | SplitStep():
            ways = (node.then, *(way for _, way in node.cases), *(way for *_, way in node.arms), node.otherwise)
            for way in dict.fromkeys(ways):
                yield from _on(program, way, is_sure=False)
        case _:
            yield from _on(program, node.next, is_sure=is_sure)
