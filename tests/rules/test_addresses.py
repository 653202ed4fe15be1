"""Which texts are one mailable address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.addresses import is_mailable_address, wire_address
from tests.channels.letters import INJECTIONS


@pytest.mark.parametrize(
    "text",
    [
        "a@b.example",
        "first.last+tag@sub.domain.co.jp",
        "o'brien@example.com",
        "x_y-z=1@example.museum",
        "user@xn--r8jz45g.jp",
        "user@例え.jp",
        "user@straße.de",
        f"{'a' * 64}@example.com",
    ],
)
def test_a_plain_address_is_mailable(text: str) -> None:
    assert is_mailable_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "a@",
        "@b.example",
        "a@b",
        "a b@c.example",
        " a@b.example",
        "a@b.example ",
        "a@b.example\n",
        "a@b.example\r\nBcc: x@evil.example",
        "a@b.example,c@d.example",
        "a@b.example;c@d.example",
        "<a@b.example>",
        "Acme <a@b.example>",
        '"a b"@c.example',
        "a@b@c.example",
        ".a@b.example",
        "a..b@c.example",
        "a.@b.example",
        "a@-b.example",
        "a@b-.example",
        "a@b..example",
        "a@.example",
        "a@b.example.",
        "a@b_c.example",
        "a@127.0.0.1",
        "a@[127.0.0.1]",
        "花@kaisha.example",
        "a＠b.example",
        "a@\ud800.jp",
        "a\0@b.example",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 64}.example",
        f"a@{'b.' * 130}example",
    ],
)
def test_anything_else_is_not(text: str) -> None:
    assert not is_mailable_address(text)


def test_an_international_domain_goes_out_in_ascii() -> None:
    assert wire_address("user@例え.jp") == "user@xn--r8jz45g.jp"
    assert wire_address("user@straße.de") == "user@xn--strae-oqa.de"


@pytest.mark.parametrize("payload", INJECTIONS)
def test_no_injection_is_an_address(payload: str) -> None:
    assert not is_mailable_address(payload)
    assert not is_mailable_address(f"a@b.example{payload}")


@given(st.text() | st.builds("{}@{}.{}".format, st.text(), st.text(), st.text()))
def test_what_is_mailable_is_one_line_of_ascii_with_one_at(text: str) -> None:
    address = wire_address(text)
    if address is not None:
        assert address.isascii()
        assert address.isprintable()
        assert address.count("@") == 1
        assert not set(address) & set(' ,;<>"()[]\\:')
        assert wire_address(address) == address
