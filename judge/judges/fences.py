"""The fences that keep quoted text from speaking to a judge, and what is done to it before."""

import os
import re
import secrets
import unicodedata
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

MARK_BYTES = 12
"""Random bytes in a fence: 96 bits, which no text written beforehand can guess."""

_NOTHING = "(nothing)"
# What chat templates of common model families use to part roles; a full-width bracket or bar is
# an ordinary one after the normalisation some tokenizers begin with. Each alternative begins with
# one plain character: then a text without these is passed over at full speed.
_TEMPLATE_TOKEN = re.compile(
    r"<[|\uff5c][\w ]{1,40}[|\uff5c][>\uff1e]|\uff1c[|\uff5c][\w ]{1,40}[|\uff5c][>\uff1e]"
    r"|<\uff5c[^\uff5c>]{1,40}\uff5c>"
    r"|<\|\w{1,40}>|<\w{1,40}\|>|\[\|\w{1,40}\|\]"
    r"|</?s>|<(?:bos|eos|sop|eop|eoh|eoa|sep)>|\[gMASK\]|</?seed:\w{1,40}>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT)\]"
    r"|<</?SYS>>|<(?:start|end)_of_turn>|<extra_id_\d{1,3}>|<reserved_\d{1,4}>"
    r"|\]~!?b\[|\]~b\]|\[e~\["
)
# Runs of arrows, ours and what looks like them in other blocks.
_OPENING = "<\uff1c\ufe64\u2039\u00ab\u27e8\u27ea\u3008\u300a\u226a\u22d8\u276e\u2770\u1438\u02c2"
_CLOSING = ">\uff1e\ufe65\u203a\u00bb\u27e9\u27eb\u3009\u300b\u226b\u22d9\u276f\u2771\u1433\u02c3"
_FENCE = re.compile(f"[{_OPENING}]{{3,}}|[{_CLOSING}]{{3,}}")
_LIKE_A_FENCE = re.compile(f"[{_OPENING}{_CLOSING}][{_OPENING}{_CLOSING}]{{2}}")

# Line ends; the joiners are looked at where they stand.
_LEFT_ALONE = frozenset("\n\r\t\u200c\u200d")
# Persian, Indic scripts and emoji are written with joiners; elsewhere they only hide something.
_STRAY_JOINER = re.compile(
    "(?<![\u0600-\u109f\u1780-\u18af\u2190-\u2bff\u3030\u303d\ua840-\uabff\ufb50-\ufdff\ufe0f"
    "\ufe70-\ufefc\U00010a00-\U00011fff\U0001f000-\U0001faff])[\u200c\u200d]"
)
# One selector chooses the form of the sign before it; more of them can hold any bytes.
_STRAY_SELECTOR = re.compile(
    '(?:(?<=[\t\n\r !"$-)+-/:-~\u200c\u200d\ufe00-\ufe0f])|\\A)[\ufe00-\ufe0f]'
)
# The flags of England, Scotland and Wales are the only common use of the tag block.
_TAGGED_FLAG = re.compile(
    "(\U0001f3f4\U000e0067\U000e0062"
    "(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074|\U000e0077\U000e006c\U000e0073)"
    "\U000e007f)"
)
# Counted as letters or symbols by Unicode, shown as nothing.
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")

# Nothing is ever changed in a text of these alone: most texts, seen in a microsecond.
_PLAIN = bytes(code for code in (*b"\t\n\r", *range(0x20, 0x7F)) if chr(code) not in "<>[]")
_JOINERS = frozenset("\u200c\u200d")
_SELECTORS = frozenset(map(chr, range(0xFE00, 0xFE10)))
_MOST_REMEMBERED = 4096

_MARKS_AT_ONCE = 256
_MARKS: list[str] = []
if hasattr(os, "register_at_fork"):  # two processes may not use the same ones
    os.register_at_fork(after_in_child=_MARKS.clear)


def new_mark() -> str:
    """Draw the mark of the fences of one call."""
    # Many at a time: to draw one lets another thread take the interpreter, for each call anew.
    while True:
        try:
            return _MARKS.pop()
        except IndexError:
            drawn = secrets.token_hex(MARK_BYTES * _MARKS_AT_ONCE)
            _MARKS.extend(re.findall("." * (2 * MARK_BYTES), drawn))


def fenced(title: str, texts: Sequence[str], mark: str) -> str:
    """Return canonical texts between fences, numbered where there are several.

    Args:
        title: what they are to the judge.
        texts: as `canonical` returned them.
        mark: of the fences.
    """
    fences = []
    for number, text in enumerate(texts, start=1):
        name = title if len(texts) == 1 else f"{title} {number}"
        fences.append(f"<<<{name} {mark}>>>\n{text or _NOTHING}\n<<<end of {name} {mark}>>>")
    return "\n".join(fences)


def canonical(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the text as a judge may see it, and flags for what had to be changed.

    Invisible, bidirectional and tag characters are taken out, chat-template tokens are broken,
    and look-alikes of our fences are re-fenced. The original is what is stored and shown.
    """
    # Of an ASCII text, only what is left without the plain characters need be looked at.
    marks = set(text.encode().translate(None, _PLAIN).decode() if text.isascii() else text)
    if not marks:
        return text, ()
    flags = []
    if (visible := _visible(text, marks)) != text:
        flags.append("invisible_characters")
    broken = _TEMPLATE_TOKEN.sub(lambda token: " ".join(token[0]), visible)
    if broken != visible:
        flags.append("chat_template_token")
    closed = broken
    if _LIKE_A_FENCE.search(broken):
        closed = _FENCE.sub(lambda fence: " ".join(fence[0]), broken)
    if closed != broken:
        flags.append("fence_look_alike")
    return closed, tuple(flags)


def _visible(text: str, marks: AbstractSet[str]) -> str:
    """Take out what a reader cannot see and no script needs where it stands."""
    if hidden := {ord(mark): None for mark in marks if _invisible(mark)}:
        parts = _TAGGED_FLAG.split(text)
        text = "".join(
            part if place % 2 else part.translate(hidden) for place, part in enumerate(parts)
        )
    if not marks.isdisjoint(_SELECTORS):
        text = _STRAY_SELECTOR.sub("", text)
    if not marks.isdisjoint(_JOINERS):
        text = _STRAY_JOINER.sub("", text)
    return text


@lru_cache(maxsize=_MOST_REMEMBERED)
def _invisible(mark: str) -> bool:
    if mark in _LEFT_ALONE:
        return False
    # Cc and Cf hold controls, zero-width and bidirectional marks and the tag block.
    return (
        unicodedata.category(mark) in {"Cc", "Cf", "Cs"}
        or mark in _BLANK_LETTERS
        or "\U000e0100" <= mark <= "\U000e01ef"
    )
