"""Decides what a template may say: an allow-list over Jinja's syntax tree with bounds on size, depth and work. On the
way it rewrites: names to fields, vocabulary calls to look-ups in `values`, outputs to checked outputs. Never evaluates.
Before: template_masks; after: template_runtime compiles the rewritten tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from jinja2 import TemplateSyntaxError, nodes

from bot.authoring.template_filters import DATE_STYLES, FILTERS, INNER_FILTERS, LOCALISED, MOST_ITEMS
from bot.authoring.template_names import Names, canonical_call, check_expression, path_of
from bot.authoring.template_runtime import HTML, LARGEST_NUMBER, PLAIN, TESTS
from bot.errors import TemplateRefused
from bot.rules.catalogue import CONTENT, ITEM_PARTS, part_of

Mode = Literal["html", "text", "line", "draft"]

MOST_TOKENS_IN_TAG = 120
MOST_TOKENS = 6000
MOST_BRACKETS = 12
MOST_NESTED_BLOCKS = 8
MOST_NESTED_LOOPS = 2
MOST_WORK = 400_000
"""Syntax nodes evaluated per rendering, loops counted at their longest: about a tenth of a second."""
MOST_EXPRESSIONS = 50

_OUTPUT_FILTER = {"html": "_shown", "text": "_shown", "line": "_line", "draft": "_draft"}
_LOOP_FIELDS = frozenset({"index", "index0", "first", "last", "length", "revindex"})
_ARITHMETIC = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod)
_REFUSED = {
    "Macro": "macros", "CallBlock": "`call`", "Import": "`import`", "FromImport": "`import`", "Include": "`include`",
    "Extends": "`extends`", "Block": "`block`", "Assign": "`set`", "AssignBlock": "`set`", "ExprStmt": "`do`",
    "With": "`with`", "FilterBlock": "`filter` blocks", "Pow": "`**`", "Concat": "`~`", "Dict": "dictionaries",
    "Slice": "slices", "ScopedEvalContextModifier": "`autoescape`",
}  # fmt: skip


@dataclass(slots=True)
class Guard:
    """One walk over one tree. `fields` and `expressions` fill up with what the template reads."""

    names: Names
    mode: Mode
    locale: str = "en"
    inner: bool = False
    """True for sources that the compiler put together: only those may hold inner filters."""
    fields: set[str] = field(default_factory=set)
    expressions: set[str] = field(default_factory=set)
    _variables: list[str] = field(default_factory=list)
    _work: int = 0
    _times: int = 1

    def rewrite(self, text: str, *, first_line: int = 1) -> nodes.Template:
        """The checked and rewritten tree. Raises: TemplateRefused with the line of the file."""
        try:
            _check_nesting(text)
            tree = (HTML if self.mode == "html" else PLAIN).parse(text)
            tree.body = self._statements(tree.body, depth=0)
        except TemplateRefused as refused:
            refused.line += first_line - 1
            raise
        except TemplateSyntaxError as error:
            sentence = f"The template does not parse: {error.message}"
            hint = "every `{{` needs its `}}`, every `{% if %}` and `{% for %}` its end"
            raise TemplateRefused(sentence, line=error.lineno + first_line - 1, rule="syntax", hint=hint) from error
        except (RecursionError, ValueError, OverflowError, UnicodeError) as error:
            raise TemplateRefused("The template cannot be read", line=first_line, rule="syntax") from error
        tree.set_environment(HTML if self.mode == "html" else PLAIN)
        return tree

    def _spend(self, node: nodes.Node) -> None:
        self._work += self._times
        if self._work > MOST_WORK:
            _refuse(node, "The template does too much work in its loops", "work", "print less inside the inner `for`")

    # Statements

    def _statements(self, body: Iterable[nodes.Node], *, depth: int) -> list[nodes.Node]:
        if depth > MOST_NESTED_BLOCKS:
            raise TemplateRefused(f"Blocks are nested deeper than {MOST_NESTED_BLOCKS}", rule="nesting")
        return [self._statement(node, depth) for node in body]

    def _statement(self, node: nodes.Node, depth: int) -> nodes.Node:
        self._spend(node)
        if isinstance(node, nodes.Output):
            node.nodes = [self._output(part) for part in node.nodes]
            return node
        if isinstance(node, nodes.If):
            node.test = self._expression(node.test)
            node.body = self._statements(node.body, depth=depth + 1)
            node.elif_ = [self._elif(branch, depth) for branch in node.elif_]
            node.else_ = self._statements(node.else_, depth=depth + 1)
            return node
        if isinstance(node, nodes.For):
            return self._loop(node, depth)
        return _refuse_kind(node)

    def _elif(self, branch: nodes.If, depth: int) -> nodes.If:
        branch.test = self._expression(branch.test)
        branch.body = self._statements(branch.body, depth=depth + 1)
        return branch

    def _loop(self, node: nodes.For, depth: int) -> nodes.For:
        if not isinstance(node.target, nodes.Name) or node.test is not None or node.recursive:
            _refuse(node, "A `for` is `for x in LIST`, nothing more", "loop", "for tag in customer.tags")
        if len(self._variables) >= MOST_NESTED_LOOPS:
            _refuse(node, f"Loops are nested deeper than {MOST_NESTED_LOOPS}", "loop")
        path = path_of(node.iter)
        if path is None:
            _refuse(node, "A `for` walks only a list of the context", "loop", "for tag in customer.tags")
        variable = node.target.name
        if variable.startswith("_") or variable == "loop" or self.names.is_known_root(variable):
            _refuse(node, f"`{variable}` cannot be the name of a loop's item", "loop", "choose another name")
        walked = self._expression(node.iter)
        node.iter = _filter(walked, "_few", [])
        self._variables.append(variable)
        self._times *= MOST_ITEMS
        node.body = self._statements(node.body, depth=depth + 1)
        self._times //= MOST_ITEMS
        self._variables.pop()
        node.else_ = self._statements(node.else_, depth=depth + 1)
        return node

    # Outputs

    def _output(self, node: nodes.Expr) -> nodes.Expr:
        if isinstance(node, nodes.TemplateData):
            return node
        if isinstance(node, nodes.Const) and isinstance(node.value, str):
            return node
        label = self._label(node)
        if isinstance(node, nodes.Filter) and node.name in ("_link", "_part") and self.inner and node.node is not None:
            return _filter(self._expression(node.node), node.name, [nodes.Const(label)])
        return _filter(self._expression(node), _OUTPUT_FILTER[self.mode], [nodes.Const(label)])

    def _label(self, node: nodes.Expr) -> str:
        """What a missing value is called: the first field or call inside the expression."""
        for found in [node, *node.find_all((nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Call))]:
            path = path_of(found)
            if path is not None:
                is_local = path[0] in self._variables or (path[0] == "loop" and self._variables)
                return ".".join(path if is_local else self.names.resolve(found, path))
            if isinstance(found, nodes.Getattr) and isinstance(found.node, nodes.Call):
                return part_of(canonical_call(found.node, self.names), found.attr)
            if isinstance(found, nodes.Call):
                return canonical_call(found, self.names)
        return f"expression in line {node.lineno}"

    # Expressions

    def _expression(self, node: nodes.Node) -> nodes.Expr:
        self._spend(node)
        path = path_of(node)
        if path is not None:
            return self._field(node, path)
        for kind, rewrite in self._rewriters():
            if isinstance(node, kind):
                return rewrite(node)
        return self._compound(node)

    def _rewriters(self) -> tuple[tuple[type[nodes.Node], Callable[[Any], nodes.Expr]], ...]:
        return (
            (nodes.Call, self._call),
            (nodes.Getattr, self._part),
            (nodes.Filter, self._filter),
            (nodes.Test, self._test),
            (nodes.Compare, self._comparison),
            (nodes.CondExpr, self._choice),
        )

    def _choice(self, node: nodes.CondExpr) -> nodes.Expr:
        node.test, node.expr1 = self._expression(node.test), self._expression(node.expr1)
        node.expr2 = nodes.Const(None) if node.expr2 is None else self._expression(node.expr2)
        return node

    def _compound(self, node: nodes.Node) -> nodes.Expr:
        if isinstance(node, nodes.Const):
            if isinstance(node.value, (int, float)) and not abs(node.value) <= LARGEST_NUMBER:
                _refuse(node, "The number is too large", "number")
            return node
        if isinstance(node, (nodes.And, nodes.Or, *_ARITHMETIC)):
            if isinstance(node, _ARITHMETIC) and any(_is_text(side) for side in (node.left, node.right)):
                _refuse(node, "Arithmetic needs numbers", "arithmetic", "write texts one after another: {{ a }}{{ b }}")
            left = self._expression(node.left)
            # Blanks are as empty as "" everywhere else, so `or` must not stop at them.
            node.left = _filter(left, "_filled", []) if isinstance(node, nodes.Or) else left
            node.right = self._expression(node.right)
            return node
        if isinstance(node, (nodes.Not, nodes.Neg, nodes.Pos)):
            node.node = self._expression(node.node)
            return node
        if isinstance(node, (nodes.List, nodes.Tuple)):
            node.items = [self._expression(item) for item in node.items]
            return node
        return _refuse_kind(node)

    def _field(self, node: nodes.Node, path: Sequence[str]) -> nodes.Expr:
        if path[0] == "loop" and self._variables:
            if len(path) != 2 or path[1] not in _LOOP_FIELDS:
                _refuse(
                    node,
                    f"`{'.'.join(path)}` is not known in a loop",
                    "unknown",
                    "one of loop.index, loop.first, loop.last",
                )
            return nodes.Getattr(nodes.Name("loop", "load"), path[1], "load", lineno=node.lineno)
        if path[0] not in self._variables:
            path = self.names.resolve(node, path)
            if path[0] == "lang":
                return nodes.Const(self.locale.split("-")[0], lineno=node.lineno)
            self.fields.add(".".join(path))
        found: nodes.Expr = nodes.Name(path[0], "load", lineno=node.lineno)
        for part in path[1:]:
            key = nodes.Const(int(part) if part.isdigit() else part)
            found = nodes.Getitem(found, key, "load", lineno=node.lineno)
        return found

    def _call(self, node: nodes.Call) -> nodes.Expr:
        text = canonical_call(node, self.names)
        check_expression(node, text)
        self.expressions.add(text)
        if len(self.expressions) > MOST_EXPRESSIONS:
            _refuse(node, f"The template asks for more than {MOST_EXPRESSIONS} computed values", "too-long")
        return nodes.Getitem(nodes.Name("values", "load"), nodes.Const(text), "load", lineno=node.lineno)

    def _part(self, node: nodes.Getattr) -> nodes.Expr:
        """`content(…).url`: a part of the item that the call finds."""
        call = node.node
        if not isinstance(call, nodes.Call) or path_of(call.node) != (CONTENT,):
            _refuse_kind(node)
        if node.attr not in ITEM_PARTS:
            self.names.refuse_unknown(node, f"`.{node.attr}` of an item of content.yml", node.attr, ITEM_PARTS)
        self._call(call)
        text = part_of(canonical_call(call, self.names), node.attr)
        return nodes.Getitem(nodes.Name("values", "load"), nodes.Const(text), "load", lineno=node.lineno)

    def _filter(self, node: nodes.Filter) -> nodes.Expr:
        if node.name in INNER_FILTERS or node.name not in FILTERS or node.node is None:
            self.names.refuse_unknown(node, f"filter `{node.name}`", node.name, FILTERS)
        if node.dyn_args is not None or node.dyn_kwargs is not None or len(node.args) + len(node.kwargs) > 3:
            _refuse(node, f"The arguments of `{node.name}` must be written out", "call")
        if (
            node.name == "date"
            and node.args
            and isinstance(style := node.args[0], nodes.Const)
            and style.value not in DATE_STYLES
        ):
            _refuse(node, f"`{style.value}` is not a style of date", "date-style", "one of " + ", ".join(DATE_STYLES))
        subject = path_of(node.node)
        wants_currency = node.name == "money" and not node.args and not node.kwargs
        node.node = self._expression(node.node)
        node.args = [self._expression(value) for value in node.args]
        for keyword in node.kwargs:
            if keyword.key == "locale":
                _refuse(node, "The language of a filter is the mail's", "call", "leave `locale` out")
            keyword.value = self._expression(keyword.value)
        if wants_currency and subject is not None and subject[0] not in self._variables:
            node.args = [self._field(node, ("customer", "currency"))]
        if node.name in LOCALISED:
            # Jinja's annotation says Pair; its parser puts Keyword here, and the compiler reads only that.
            node.kwargs.append(nodes.Keyword("locale", nodes.Const(self.locale)))  # type: ignore[arg-type]
        return node

    def _test(self, node: nodes.Test) -> nodes.Expr:
        if node.name not in TESTS:
            self.names.refuse_unknown(node, f"test `{node.name}`", node.name, TESTS)
        if node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
            _refuse(node, f"The arguments of `{node.name}` must be written out", "call")
        node.node = self._expression(node.node)
        node.args = [self._expression(value) for value in node.args]
        return node

    def _comparison(self, node: nodes.Compare) -> nodes.Expr:
        args: list[nodes.Expr] = []
        for operand in node.ops:
            args += [nodes.Const(operand.op), self._expression(operand.expr)]
        return _filter(self._expression(node.expr), "_holds", args)


def _filter(node: nodes.Expr, name: str, args: list[nodes.Expr]) -> nodes.Filter:
    return nodes.Filter(node, name, args, [], None, None, lineno=node.lineno)


def _is_text(node: nodes.Expr) -> bool:
    return isinstance(node, (nodes.List, nodes.Tuple)) or (
        isinstance(node, nodes.Const) and isinstance(node.value, str)
    )


def _refuse(node: nodes.Node, sentence: str, rule: str, hint: str = "") -> NoReturn:
    raise TemplateRefused(sentence, line=node.lineno or 1, rule=rule, hint=hint)


def _refuse_kind(node: nodes.Node) -> NoReturn:
    kind = type(node).__name__
    what = _REFUSED.get(kind, f"`{kind}`")
    _refuse(
        node, f"A template cannot use {what}", "not-allowed", "a mail has fields, `if`, `for` over a list, and filters"
    )


def _check_nesting(text: str) -> None:
    """Before parsing: the parser recurses once per bracket, `not` and `-`. Raises: TemplateRefused."""
    depth = tokens = prefixes = total = 0
    for line, kind, value in PLAIN.lex(text):
        if kind in ("variable_begin", "block_begin"):
            depth = tokens = prefixes = 0
        elif kind == "raw_begin":
            raise TemplateRefused("A template cannot use `raw`", line=line, rule="not-allowed", hint='write {{ "{{" }}')
        elif kind not in ("whitespace", "data", "comment"):
            tokens, total = tokens + 1, total + 1
            depth += (value in ("(", "[", "{")) - (value in (")", "]", "}"))
            prefixes = prefixes + 1 if value in ("not", "-", "+") else 0
        if depth > MOST_BRACKETS or prefixes > MOST_BRACKETS:
            raise TemplateRefused(f"Brackets are nested deeper than {MOST_BRACKETS}", line=line, rule="nesting")
        if tokens > MOST_TOKENS_IN_TAG or total > MOST_TOKENS:
            raise TemplateRefused(
                "A tag, or all of them together, are too long", line=line, rule="too-long", hint="split it"
            )
