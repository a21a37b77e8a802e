r"""Text from files, devices and networks, made safe to write to a terminal.

A name or a tag may hold escape sequences, which a terminal obeys: they set its title, move its cursor, hide what was
written. So whatever is not printable is written as an escape of Python: `\x1b` for the character 27.
"""

from __future__ import annotations

import json
import re
from typing import Any

_NOT_IN_JSON = re.compile(r"[^\x20-\x7e]")


def printable(text: str) -> str:
    r"""The same text with `\x1b`, `\u202e` and the like in place of characters that are not printable.

    Those are, by Unicode's categories, controls, format marks (among them those that turn the direction of writing),
    halves of surrogate pairs, separators other than the space, private and unassigned ones. New lines are among them.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def one_line(text: str) -> str:
    """The same in one line: line breaks become a space."""
    return printable(re.sub(r"\s*[\r\n]+\s*", " ", text.strip("\r\n")))


def json_text(document: Any) -> str:
    r"""A document as one line of JSON (RFC 8259): what is not printable is escaped, and reads back as it was.

    A file name that is not UTF-8 has halves of surrogate pairs in Python, so `\udcff` stands for the byte 255.
    """
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    return _NOT_IN_JSON.sub(lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)


def _escaped(one: str) -> str:
    code = ord(one)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
