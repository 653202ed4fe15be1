"""What `check` says about webhook steps: addresses that workspace.yml does not allow, and bodies that cannot be worked out. Reads
nothing; the address itself is looked at only when it is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from bot.authoring.nearest import suggestion
from bot.authoring.placed import ParsedPlaybook
from bot.authoring.workspace_file import WorkspaceSettings
from bot.errors import Finding, Severity
from bot.rules.condition_checks import check_condition
from bot.rules.program import Program
from bot.rules.steps_model import WebhookStep

#: What every call tells; `body:` may not say something else under these names.
ALWAYS = ("customer", "contact", "playbook", "step", "event")
OWN_EVENTS = ("on", "after", "manual", "signal")


def check_webhooks(parsed: Iterable[ParsedPlaybook], settings: WorkspaceSettings) -> Iterator[Finding]:
    for playbook in parsed:
        severity: Severity = "error" if playbook.playbook.state in ("live", "paused") else "warning"
        for placed in playbook.steps():
            if not isinstance(placed.step, WebhookStep):
                continue
            for path, rule, message, hint in _faults(playbook, placed.step, settings):
                yield playbook.source.finding(f"{placed.path}.{path}", rule, message, hint, severity=severity)


def _faults(
    parsed: ParsedPlaybook, step: WebhookStep, settings: WorkspaceSettings
) -> Iterator[tuple[str, str, str, str]]:
    """Path below the step, rule, message, hint."""
    place = urlsplit(step.url)
    host, hosts = (place.hostname or "").lower(), settings.webhooks.hosts
    if host not in hosts:
        hint = suggestion(host, hosts) or f"add it: `webhooks: {{hosts: [{host or 'hooks.example.com'}]}}`"
        yield "webhook", "unknown-host", f"workspace.yml allows no webhooks to `{host or step.url}`", hint
    if place.scheme != "https" and not (place.scheme == "http" and host in settings.webhooks.private):
        yield "webhook", "wrong-value", f"`{step.url}` is no https address", "write it with https://"
    if place.username or place.password:
        yield "webhook", "wrong-value", "The address holds a user or a password", "the call is signed; leave them out"
    steps = set(Program.of(parsed.playbook).nodes)
    for name, text in step.body.items():
        if name in ALWAYS:
            yield f"body.{name}", "wrong-value", f"`{name}` is told anyway", "delete it, or call yours something else"
        for problem in check_condition(
            text,
            walks=parsed.playbook.walks,
            steps=steps,
            has_event=parsed.playbook.enter.trigger in OWN_EVENTS,
            has_walk=True,
            is_value=True,
        ):
            yield f"body.{name}", problem.rule, problem.message, problem.hint
