"""Whatever somebody mails us: read quickly, and never lost for one broken line."""

from __future__ import annotations

import time

import pytest

from bot.webhooks.inbound import MAX_TEXT, read_reply

FORM = "multipart/form-data; boundary=X"


def form(**fields: str) -> bytes:
    parts = (f'--X\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields.items())
    return "".join((*parts, "--X--\r\n")).encode()


@pytest.mark.parametrize("piece", ["<", "<script", "<script>", "<style ", "</p ", "</script", "<br "])
def test_a_hostile_page_is_read_in_no_time(piece: str) -> None:
    """A stranger may write to the answer address; half a minute of looking for an end would hold every mail of a tick."""
    began = time.process_time()
    read_reply(form(html=piece * (10 * MAX_TEXT // len(piece))), FORM)
    assert time.process_time() - began < 2


def test_of_a_page_only_the_words_are_kept() -> None:
    page = "<STYLE>p{}</style><p>One<br/>two</p><script>if (1 < 2) x()</script><b title='x'>three</b><script>open"
    assert read_reply(form(html=page), FORM).text == "One\ntwo\nthreeopen"


def test_a_subject_that_cannot_be_decoded_stands_as_it_is() -> None:
    found = read_reply(form(headers="Subject: =?utf-8?b?a?=\r\n\r\n", text="Yes", **{"from": "ito@example.com"}), FORM)
    assert (found.subject, found.text) == ("=?utf-8?b?a?=", "Yes")
