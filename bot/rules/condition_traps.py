"""Names the habits of other languages that people bring to conditions: `=`, `&&`, `AND`, curly quotes, `1,000,000`.
Looks at the text only, outside its quotes, and never parses; the condition parser and the playbook loader ask it first,
so that the author reads what to write rather than where a parser stumbled."""

from __future__ import annotations

import re
from collections.abc import Callable

Trap = tuple[str, str]

_STRINGS = re.compile(r"\"[^\"]*\"|'[^']*'")
_CURLY = "“”„‟‘’‚‛「」『』«»"
_WIDE = {
    "＝": "==",
    "＞": ">",
    "＜": "<",
    "！": "!",
    "（": "(",
    "）": ")",
    "，": ",",
    "、": ",",
    "．": ".",
    "＂": '"',
    "＇": "'",
}
_EQUALS = re.compile(r"(?<![=!<>])=(?![=>])")
_THOUSANDS = re.compile(r"(?<![\w.,(])-?[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])")
_LOUD = re.compile(r"(?<![\w.])(AND|OR|NOT|IN|IS|And|Or|Not)(?![\w.(])|(?<![\w.])(NOT|Not)(?=\s*\()")
_NULL = re.compile(r"(?<![\w.])(null|NULL|nil|undefined|empty|blank)(?![\w.(])")


def condition_traps(text: str) -> tuple[str, str] | None:
    """The first trap in a condition as (what is wrong, what to write), or None."""
    bare = _STRINGS.sub(lambda found: found[0][0] + "\0" * (len(found[0]) - 2) + found[0][0], text)
    for look in _LOOKS:
        if trap := look(text, bare):
            return trap
    return None


def _curly_quotes(text: str, bare: str) -> Trap | None:
    found = next((sign for sign in bare if sign in _CURLY), None)
    if found is None:
        return None
    straight = re.sub(f"[{_CURLY}]", '"', text)
    return f"`{found}` is not a quote that conditions know", f"write straight quotes: `{straight}`"


def _wide_signs(text: str, bare: str) -> Trap | None:
    found = next((sign for sign in bare if sign in _WIDE or "０" <= sign <= "９" or sign == "\u3000"), None)
    if found is None:
        return None
    name = "a full-width space" if found == "\u3000" else f"`{found}`, a full-width sign,"
    return f"{name} stands in the condition", f"write it half-width: `{_half_width(text, bare)}`"


def _half_width(text: str, bare: str) -> str:
    def narrow(sign: str) -> str:
        if "０" <= sign <= "９":
            return chr(ord(sign) - ord("０") + ord("0"))
        return " " if sign == "\u3000" else _WIDE.get(sign, sign)

    return "".join(narrow(kept) if kept != "\0" else sign for sign, kept in zip(text, bare, strict=True))


def _sign(pattern: str, name: str, right: str, hint: str) -> Callable[[str, str], Trap | None]:
    """A look for one sign; `hint` may hold FIXED, the text with every such sign replaced by `right`."""
    sign = re.compile(pattern)

    def look(text: str, bare: str) -> Trap | None:
        if not sign.search(bare):
            return None
        pieces, last = [], 0
        for found in sign.finditer(bare):
            pieces += [text[last : found.start()], right]
            last = found.end()
        return name, hint.replace("FIXED", "".join([*pieces, text[last:]]).strip())

    return look


def _lone_equals(text: str, bare: str) -> Trap | None:
    candidates = {found.start() for found in _EQUALS.finditer(bare)}
    inside_call = [False]
    places: set[int] = set()
    for place, sign in enumerate(bare):
        if sign in "([":
            inside_call.append(sign == "(" and place > 0 and (bare[place - 1].isalnum() or bare[place - 1] == "_"))
        elif sign in ")]" and len(inside_call) > 1:
            inside_call.pop()
        elif place in candidates and not inside_call[-1]:
            places.add(place)
    if not places:
        return None
    fixed = "".join("==" if place in places else sign for place, sign in enumerate(text))
    return "`=` does not compare (it only names arguments, as in `days=30`)", f"write `{fixed}`"


def _loud_words(text: str, bare: str) -> Trap | None:
    found = _LOUD.search(bare)
    if found is None:
        return None
    return (
        f"`{found[0]}` must be written small",
        f"write `{text[: found.start()]}{found[0].lower()}{text[found.end() :]}`",
    )


def _thousands(text: str, bare: str) -> Trap | None:
    found = next((hit for hit in _THOUSANDS.finditer(bare) if not _inside_brackets(bare, hit.start())), None)
    if found is None:
        return None
    return f"`{found[0]}` is not one number: commas separate values", f"write `{found[0].replace(',', '')}`"


def _inside_brackets(bare: str, place: int) -> bool:
    """Whether the place lies in a list or a call's arguments, where commas are right."""
    return bare.count("[", 0, place) > bare.count("]", 0, place) or bool(re.search(r"\w\([^()]*$", bare[:place]))


def _unbalanced(text: str, bare: str) -> Trap | None:
    for quote in ('"', "'"):
        if bare.count(quote) % 2 and text.count(quote) % 2:
            return f"a quote (`{quote}`) is not closed", "write one quote on each side of the text"
    return None


def _empty_words(text: str, bare: str) -> Trap | None:
    found = _NULL.search(bare)
    if found is None:
        return None
    before = bare[: found.start()].rstrip()
    right = "is not none" if before.endswith(("!=", "is not")) else "is none"
    return f"`{found[0]}` is not a word of conditions", f"for a missing value write `{right}`"


_LOOKS: tuple[Callable[[str, str], Trap | None], ...] = (
    _curly_quotes,
    _wide_signs,
    _unbalanced,
    _sign(r"\s*&&\s*", "`&&` is not a word of conditions", " and ", "write `FIXED`"),
    _sign(r"\s*\|\|\s*", "`||` is not a word of conditions", " or ", "write `FIXED`"),
    _sign(r"(?<![=!<>])===(?!=)", "`===` is not a comparison", "==", "write `FIXED`"),
    _sign(r"(?<![=!<>])!==(?!=)", "`!==` is not a comparison", "!=", "write `FIXED`"),
    _sign(r"<>", "`<>` is not a comparison", "!=", "write `FIXED`"),
    _sign(r"=>", "`=>` is not a comparison", ">=", "write `FIXED`"),
    _sign(r"=<", "`=<` is not a comparison", "<=", "write `FIXED`"),
    _sign(r"≧|≥", "`≥` is not a comparison", ">=", "write `FIXED`"),
    _sign(r"≦|≤", "`≤` is not a comparison", "<=", "write `FIXED`"),
    _sign(r"≠", "`≠` is not a comparison", "!=", "write `FIXED`"),
    _sign(r"!(?!=)\s*", "`!` is not a word of conditions", "not ", "write `FIXED`"),
    _lone_equals,
    _loud_words,
    _empty_words,
    _thousands,
)
