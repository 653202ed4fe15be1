"""Which fields a compiled template prints whatever happens: no fallback, no `if` around them. Without a value such a field holds
the mail. Reads the compiled sources only. Used by meaning_findings."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from bot.authoring.template_mail import CompiledTemplate
from bot.authoring.template_names import path_of
from bot.authoring.template_runtime import PLAIN


def always_printed(template: CompiledTemplate) -> frozenset[str]:
    """Dotted paths as the template writes them: `event.score`."""
    parts = (template.sources.subject, template.sources.preheader, template.sources.text)
    return frozenset(path for part in parts for path in _printed(PLAIN.parse(part).body))


def _printed(body: list[nodes.Node]) -> Iterator[str]:
    outputs = (node for node in body if isinstance(node, nodes.Output))
    for expression in (expression for output in outputs for expression in output.nodes):
        bare: nodes.Expr | None = expression
        while isinstance(bare, nodes.Filter):
            bare = bare.node
        path = path_of(bare) if bare is not None else None
        if path is not None:
            yield ".".join(path)
