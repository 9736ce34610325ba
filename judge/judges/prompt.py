"""Prompt files, and the fences that keep what they quote from speaking to the judge."""

import hashlib
import json
import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from judge.errors import ConfigError
from judge.judges.judge import JudgedCase
from judge.judges.reply import reply_validator
from judge.models.chat import Message
from judge.records.scale import Scale, ScaleKind

PLACEHOLDERS = ("input", "against", "candidate")
MARK_BYTES = 12
"""Random bytes in a fence: 96 bits, which no text written beforehand can guess."""

_FILE = re.compile(
    r"\A---\n(?P<front>.*?)\n---\n(?P<system>.*?)^--- user ---\n(?P<user>.*)\Z",
    re.DOTALL | re.MULTILINE,
)
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
# What chat templates of common model families use to part roles; a full-width bracket or bar is
# an ordinary one after the normalisation some tokenizers begin with.
_TEMPLATE_TOKEN = re.compile(
    r"[<\uff1c][|\uff5c][\w ]{1,40}[|\uff5c][>\uff1e]"
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
_NOTHING = "(nothing)"

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


class _ScaleSection(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: ScaleKind
    categories: list[str]


class _VerdictSection(BaseModel):
    enum: list[str]


class _PropertiesSection(BaseModel):
    verdict: _VerdictSection


class _ReplySection(BaseModel):
    """What a reply schema must hold; it may hold more."""

    properties: _PropertiesSection


class _FrontMatter(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    version: int
    criterion: str
    scale: _ScaleSection
    reply: dict[str, object]
    items: list[str] = Field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt file, read and checked.

    Attributes:
        reply_schema: JSON Schema of the reply, as JSON text in the order the file gives.
        fingerprint: hash of the whole file.
        quoted_items: ids of items whose text the prompt quotes; their labels prove nothing.
        user_parts: the user template, cut at its placeholders: text, name, text, name, text.
    """

    prompt_id: str
    criterion: str
    scale: Scale
    reply_schema: str
    fingerprint: str
    quoted_items: tuple[str, ...]
    system: str
    user_parts: tuple[str, ...]

    def messages(self, case: JudgedCase) -> tuple[tuple[Message, ...], tuple[str, ...]]:
        """Return the messages for a case, and flags for what its texts tried.

        Every text of the case stands in the one user message, inside a fence whose mark is drawn
        anew for each call.
        """
        mark = secrets.token_hex(MARK_BYTES)
        candidate, flags = canonical(case.candidate)
        against = [canonical(text)[0] for text in case.against]
        texts = {
            "input": _fenced("task", [canonical(case.input)[0]], mark),
            "against": _fenced("trusted answer", against, mark),
            "candidate": _fenced("answer", [candidate], mark),
        }
        parts = [texts[part] if place % 2 else part for place, part in enumerate(self.user_parts)]
        user = Message(role="user", content="".join(parts))
        return (Message(role="system", content=self.system), user), flags


def read_prompt(path: Path) -> Prompt:
    """Read a prompt file: front matter between ``---`` lines, then the text.

    Raises:
        ConfigError: the file is absent or not of that form; the message says what is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the prompt {path} cannot be read: {error}") from error
    if (parted := _FILE.match(text)) is None:
        raise ConfigError(
            f"the prompt {path.name} must hold front matter between '---' lines, the system "
            "text, a line '--- user ---' and the user text"
        )
    front = _front_matter(path, parted["front"])
    return Prompt(
        prompt_id=front.id,
        criterion=front.criterion,
        scale=_scale(path, front.scale),
        reply_schema=_reply_schema(path, front),
        fingerprint=hashlib.sha256(text.encode()).hexdigest(),
        quoted_items=tuple(front.items),
        system=_system_text(path, parted["system"].strip()),
        user_parts=_cut(path, parted["user"].strip()),
    )


def canonical(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the text as a judge may see it, and flags for what had to be changed.

    Invisible, bidirectional and tag characters are taken out, chat-template tokens are broken,
    and look-alikes of our fences are re-fenced. The original is what is stored and shown.
    """
    flags = []
    if (visible := _visible(text)) != text:
        flags.append("invisible_characters")
    broken = _TEMPLATE_TOKEN.sub(lambda token: " ".join(token[0]), visible)
    if broken != visible:
        flags.append("chat_template_token")
    fenced = _FENCE.sub(lambda fence: " ".join(fence[0]), broken)
    if fenced != broken:
        flags.append("fence_look_alike")
    return fenced, tuple(flags)


def _front_matter(path: Path, text: str) -> _FrontMatter:
    try:
        read = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an impossible date
        raise ConfigError(f"the front matter of {path.name} is no YAML: {error}") from error
    try:
        front = _FrontMatter.model_validate(read)
        _ReplySection.model_validate(front.reply)
    except ValidationError as error:
        first = error.errors()[0]
        under = ("reply",) if error.title == _ReplySection.__name__ else ()
        place = ".".join(map(str, (*under, *first["loc"]))) or "the whole of it"
        raise ConfigError(f"the front matter of {path.name}: {place}: {first['msg']}") from error
    return front


def _scale(path: Path, section: _ScaleSection) -> Scale:
    try:
        return Scale(kind=section.kind, categories=tuple(section.categories))
    except ValueError as error:
        raise ConfigError(f"the front matter of {path.name}: scale: {error}") from error


def _reply_schema(path: Path, front: _FrontMatter) -> str:
    place = f"the front matter of {path.name}: reply"
    verdicts = _ReplySection.model_validate(front.reply).properties.verdict.enum
    if sorted(verdicts) != sorted(front.scale.categories):
        raise ConfigError(
            f"{place}.properties.verdict.enum is {', '.join(verdicts)}, the scale's categories "
            f"are {', '.join(front.scale.categories)}; give both the same"
        )
    try:
        # A grammar-constrained endpoint writes keys in this order: the reason before the verdict.
        schema = json.dumps(front.reply, ensure_ascii=False, allow_nan=False)
        reply_validator(schema)
    except (TypeError, ValueError) as error:
        words = str(error).splitlines()[0]
        raise ConfigError(f"{place} is no JSON Schema that can be used: {words}") from error
    return schema


def _system_text(path: Path, text: str) -> str:
    if (found := _PLACEHOLDER.search(text)) is not None:
        raise ConfigError(
            f"the system text of {path.name} holds {found[0]}; what is judged stands in the user "
            "text only"
        )
    return text


def _cut(path: Path, template: str) -> tuple[str, ...]:
    parts = tuple(_PLACEHOLDER.split(template))
    names = parts[1::2]
    if sorted(names) != sorted(PLACEHOLDERS):
        wanted = ", ".join(f"{{{{{name}}}}}" for name in PLACEHOLDERS)
        raise ConfigError(
            f"the user text of {path.name} must hold each of {wanted} once and no other; "
            f"found: {', '.join(names) or 'none'}"
        )
    return parts


def _fenced(name: str, texts: Sequence[str], mark: str) -> str:
    fences = []
    for number, text in enumerate(texts, start=1):
        title = name if len(texts) == 1 else f"{name} {number}"
        fences.append(f"<<<{title} {mark}>>>\n{text or _NOTHING}\n<<<end of {title} {mark}>>>")
    return "\n".join(fences)


def _visible(text: str) -> str:
    """Take out what a reader cannot see and no script needs where it stands."""
    hidden = {ord(mark): None for mark in set(text) if _invisible(mark)}
    if hidden:
        parts = _TAGGED_FLAG.split(text)
        text = "".join(
            part if place % 2 else part.translate(hidden) for place, part in enumerate(parts)
        )
    return _STRAY_JOINER.sub("", _STRAY_SELECTOR.sub("", text))


def _invisible(mark: str) -> bool:
    if mark in _LEFT_ALONE:
        return False
    # Cc and Cf hold controls, zero-width and bidirectional marks and the tag block.
    return (
        unicodedata.category(mark) in {"Cc", "Cf", "Cs"}
        or mark in _BLANK_LETTERS
        or "\U000e0100" <= mark <= "\U000e01ef"
    )
