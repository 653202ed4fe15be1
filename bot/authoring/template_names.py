"""The names a template may use: fields of the context, the vocabulary's bare names and its functions. Resolves dotted
paths and writes calls in one canonical form. Never reads values. Called by template_guard."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from jinja2 import nodes

from bot.errors import ConditionError, TemplateRefused
from bot.rules.conditions import parse_value
from bot.rules.vocabulary_plans import AT_START

CUSTOMER_FIELDS = frozenset(
    [
        "customer",
        "name",
        "parent",
        "stage",
        "tier",
        "arr",
        "currency",
        "industry",
        "region",
        "locale",
        "timezone",
        "touch",
        "csm",
        "started_on",
        "renewal_date",
        "licenses_purchased",
        "licenses_active",
        "open_days",
        "tags",
    ]
)
KNOWN_FIELDS = {
    "contact": frozenset(["contact", "name", "email", "title", "phone", "roles", "locale", "timezone", "last_seen"]),
    "csm": frozenset(["csm", "name", "email", "team", "timezone", "locale"]),
    "workspace": frozenset(["company", "name", "email", "locale", "timezone", "url", "address"]),
    "mail": frozenset(["unsubscribe_url", "preferences_url", "survey_url"]),
}
FREE_FORM = frozenset({"attributes", "limits"})
LONGEST_PATH = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The condition vocabulary that templates share (`names` bare or dotted, `functions`)."""

    names: frozenset[str]
    functions: frozenset[str]

    def is_known_root(self, name: str) -> bool:
        return name in KNOWN_FIELDS or name in self.names or name in ("customer", "event", "today", "values", "lang")

    def fields_of(self, root: str) -> frozenset[str]:
        if root == "customer":
            return CUSTOMER_FIELDS | {name for name in self.names if "." not in name and name != "today"}
        dotted = {name.removeprefix(root + ".") for name in self.names if name.startswith(root + ".")}
        return KNOWN_FIELDS[root] | dotted

    def resolve(self, node: nodes.Node, path: Sequence[str]) -> tuple[str, ...]:
        """The full path (`renewal_date` → customer.renewal_date). Raises: TemplateRefused for what does not exist."""
        if any(part.startswith("_") for part in path):
            _refuse(node, f"`{'.'.join(path)}` reaches for a private name", "private", "names do not begin with `_`")
        if len(path) > LONGEST_PATH:
            _refuse(node, f"`{'.'.join(path)}` is too long", "unknown")
        root = path[0]
        if root == "event":
            return self._whole(node, path)
        if root in ("today", "lang") and len(path) == 1:
            return tuple(path)
        if root == "customer" or root in KNOWN_FIELDS:
            return self._field(node, self._whole(node, path))
        if root not in FREE_FORM and root not in self.names and root != "tags":
            self.refuse_unknown(node, f"name `{'.'.join(path)}`", root, self._all_paths())
        return self._field(node, ("customer", *path))

    def _whole(self, node: nodes.Node, path: Sequence[str]) -> tuple[str, ...]:
        if len(path) == 1:
            _refuse(node, f"`{path[0]}` holds several fields", "unknown", f"write which one, such as {path[0]}.name")
        return tuple(path)

    def _field(self, node: nodes.Node, path: tuple[str, ...]) -> tuple[str, ...]:
        root, name, *rest = path
        if name in FREE_FORM and root in ("customer", "contact"):
            if len(rest) != 1:
                _refuse(
                    node, f"`{'.'.join(path)}` must name one attribute", "unknown", f"write {root}.{name}.something"
                )
            return path
        known = self.fields_of(root)
        if name not in known:
            self.refuse_unknown(node, f"field `{root}.{name}`", name, known, prefix=root + ".")
        if rest and not (len(rest) == 1 and rest[0].isdigit()):
            _refuse(node, f"`{root}.{name}` has no fields of its own", "unknown")
        return path

    def _all_paths(self) -> list[str]:
        dotted = [f"{root}.{name}" for root in ("customer", *KNOWN_FIELDS) for name in sorted(self.fields_of(root))]
        return [*sorted(self.names), *dotted, "today"]

    def refuse_unknown(
        self, node: nodes.Node, what: str, wrong: str, known: Iterable[str], *, prefix: str = ""
    ) -> NoReturn:
        hint = ""
        choices = sorted(known)
        by_tail = {choice.rpartition(".")[2]: choice for choice in reversed(choices)}
        close = difflib.get_close_matches(wrong, choices, n=1)
        close = close or [by_tail[tail] for tail in difflib.get_close_matches(wrong, by_tail, n=1)]
        if close:
            hint = f"did you mean `{prefix}{close[0]}`?"
        elif len(choices) <= 25:
            hint = "one of " + ", ".join(prefix + choice for choice in choices)
        _refuse(node, f"There is no {what}", "unknown", hint)


def path_of(node: nodes.Node) -> tuple[str, ...] | None:
    """`customer.tags[0]` as ("customer", "tags", "0"); None when the node is anything else."""
    parts: list[str] = []
    while True:
        if isinstance(node, nodes.Name):
            return (node.name, *reversed(parts))
        if isinstance(node, nodes.Getattr):
            parts.append(node.attr)
        elif isinstance(node, nodes.Getitem) and isinstance(key := node.arg, nodes.Const):
            if isinstance(key.value, bool) or not isinstance(key.value, (str, int)):
                return None
            parts.append(str(key.value))
        else:
            return None
        node = node.node


def canonical_call(node: nodes.Call, names: Names) -> str:
    """`total('x', days = 30)` as `total("x", days=30)`, keywords sorted: the key of `values` and what SQL computes.

    Raises: TemplateRefused for a function that does not exist or an argument that is no constant and no field."""
    path = path_of(node.node)
    if path is None:
        _refuse(node, "Only functions of the vocabulary can be called", "call", 'such as count("login", days=30)')
    name = ".".join(path)
    if any(part.startswith("_") for part in path):
        _refuse(node, f"`{name}` reaches for a private name", "private", "names do not begin with `_`")
    if name not in names.functions:
        names.refuse_unknown(node, f"function `{name}`", name, names.functions)
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        _refuse(node, f"The arguments of `{name}` must be written out", "call")
    keywords = sorted((keyword.key, _argument(keyword.value, names)) for keyword in node.kwargs)
    arguments = [_argument(value, names) for value in node.args]
    return f"{name}({', '.join([*arguments, *(f'{key}={value}' for key, value in keywords)])})"


def check_expression(node: nodes.Node, text: str) -> None:
    """Raises: TemplateRefused for arguments that SQL could not compute."""
    try:
        condition = parse_value(text)
    except ConditionError as error:
        _refuse(node, error.sentence, "call", error.hint)
    if AT_START in condition.names:
        _refuse(node, f"`{AT_START}` belongs to a plan", "call", "ask it in the target of an objective of plans.yml")


def _argument(node: nodes.Expr, names: Names) -> str:
    if isinstance(node, nodes.Const):
        if node.value is None or isinstance(node.value, bool):
            return str(node.value).lower()
        return json.dumps(node.value, ensure_ascii=False)
    if isinstance(node, nodes.Neg) and isinstance(node.node, nodes.Const):
        return "-" + _argument(node.node, names)
    if isinstance(node, nodes.List):
        return "[" + ", ".join(_argument(item, names) for item in node.items) + "]"
    if isinstance(node, nodes.Call):
        return canonical_call(node, names)
    path = path_of(node)
    if path is None:
        _refuse(node, "The arguments of a function are constants or fields", "call", 'such as count("login", days=30)')
    resolved = names.resolve(node, path)
    return ".".join(resolved[1:] if resolved[0] == "customer" else resolved)


def _refuse(node: nodes.Node, sentence: str, rule: str, hint: str = "") -> NoReturn:
    raise TemplateRefused(sentence, line=node.lineno or 1, rule=rule, hint=hint)
