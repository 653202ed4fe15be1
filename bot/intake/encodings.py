"""Decides how a file's bytes are to be read: its encoding, and whether dates in it could be day/month forms. Looks at
all bytes once, in chunks, and guesses only from a bounded sample. Before rows are read; the report says what was chosen."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

CHUNK_BYTES = 1 << 20
SAMPLE_BYTES = 64 * 1024
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CANDIDATES = ["cp932", "euc_jp", "cp1252", "cp1251", "gb18030", "big5", "cp949"]
KANA = re.compile("[\u3041-\u30f6]")
#: An accented letter among plain ones: Café is Western, a Cyrillic word has no plain letters.
LONELY_LETTER = re.compile(rb"[A-Za-z][\x80-\xff](?![\x80-\xff])|(?<![\x80-\xff])[\x80-\xff][A-Za-z]")
#: 3/4/2026, 15.03.2026, 15-03-26: one or two digits, twice, then a year; in bytes, because all candidates agree on them.
DAY_MONTH_FORM = re.compile(rb"(?<![0-9])[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2,4}(?![0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How to read a file. `has_day_month_forms`: something looks like 03/04/2026, so the order must be settled first."""

    encoding: str
    size: int
    has_day_month_forms: bool
    warning: str = ""


def survey(path: Path) -> Reading:
    """Look through the file's bytes. Raises: OSError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
    for bom, encoding in BOMS:
        if head.startswith(bom):
            # Wide encodings hide the pattern from a byte search: assume the worst, the dates are then looked at.
            forms = True if encoding != "utf-8-sig" else _scan(path)[1]
            return Reading(encoding=encoding, size=size, has_day_month_forms=forms)
    wide = _wide_encoding(head)
    if wide:
        return _guessed(wide, size, forms=True)
    broken_at, forms = _scan(path)
    if broken_at is None:
        return Reading(encoding="utf-8", size=size, has_day_month_forms=forms)
    encoding = _guess(_sample(path, head, broken_at))
    if encoding == "utf-8":
        warning = "is UTF-8 with broken bytes; rows that hold them are listed"
        return Reading(encoding="utf-8", size=size, has_day_month_forms=forms, warning=warning)
    return _guessed(encoding, size, forms=forms)


def _guessed(encoding: str, size: int, *, forms: bool) -> Reading:
    warning = f"is not UTF-8; read as {encoding}. If names look wrong, save the file as UTF-8"
    return Reading(encoding=encoding, size=size, has_day_month_forms=forms, warning=warning)


def _scan(path: Path) -> tuple[int | None, bool]:
    """The offset of the first chunk that is not UTF-8 (None: all is), and whether day/month forms occur."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    broken_at: int | None = None
    forms = False
    offset, tail = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            if broken_at is None and not _decodes(decoder, chunk):
                broken_at = offset
            forms = forms or DAY_MONTH_FORM.search(tail + chunk) is not None
            offset, tail = offset + len(chunk), chunk[-16:]
    if broken_at is None and not _decodes(decoder, b"", final=True):
        broken_at = max(0, offset - CHUNK_BYTES)
    return broken_at, forms


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _sample(path: Path, head: bytes, broken_at: int) -> bytes:
    """The lines with bytes beyond ASCII, from the beginning of the file and from where UTF-8 ended."""
    with path.open("rb") as file:
        file.seek(broken_at)
        body = head + b"\n" + file.read(CHUNK_BYTES)
    telling = b"\n".join(line for line in body.splitlines() if not line.isascii())
    return telling[:SAMPLE_BYTES]


def _wide_encoding(head: bytes) -> str:
    """UTF-16 without a mark: every other byte of Latin text is zero, and so are bytes of its commas and line ends."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = max(1, len(head) // 2)
    if odd > half * 0.2 and even < half * 0.02:
        return "utf-16-le"
    if even > half * 0.2 and odd < half * 0.02:
        return "utf-16-be"
    return ""


def _guess(sample: bytes) -> str:
    lenient = sample.decode("utf-8", "surrogateescape")
    broken = sum(1 for character in lenient if "\udc80" <= character <= "\udcff")
    beyond_ascii = sum(1 for character in lenient if character > "\x7f") - broken
    if beyond_ascii > 10 * broken:
        return "utf-8"
    for encoding in ("cp932", "euc_jp"):
        # Kana settle it: charset-normalizer takes short EUC-JP for Korean.
        if KANA.search(_strictly(sample, encoding)):
            return encoding
    best = from_bytes(sample, cp_isolation=CANDIDATES, enable_fallback=False).best()
    if best is None or (best.encoding == "cp1251" and len(LONELY_LETTER.findall(sample)) * 2 > _high_bytes(sample)):
        return "cp1252"
    return best.encoding


def _high_bytes(sample: bytes) -> int:
    return sum(1 for byte in sample if byte > 0x7F)


def _strictly(sample: bytes, encoding: str) -> str:
    for end in range(4):  # a sample may end within a character
        try:
            return sample[: len(sample) - end].decode(encoding)
        except UnicodeDecodeError:
            continue
    return ""
