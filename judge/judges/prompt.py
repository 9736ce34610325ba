"""Prompt files: what a judge is asked, on which scales it answers and what it is shown."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from judge.errors import ConfigError, did_you_mean
from judge.judges.fences import canonical, fenced, new_mark
from judge.judges.injection import injection_flags
from judge.judges.judge import JudgedCase
from judge.judges.null_answers import null_flags
from judge.judges.reply import ReplyReader
from judge.judges.reply_schema import built_schema, given_schema
from judge.models.chat import Message
from judge.records.record import Target
from judge.records.scale import Scale, ScaleKind

NOTHING = "nothing"
"""What a prompt is `against` that looks at the answer alone."""

PROMPT_FILE = re.compile(
    r"\A---\n(?P<front>.*?)\n---\n(?P<system>.*?)^--- user ---\n(?P<user>.*)\Z",
    re.DOTALL | re.MULTILINE,
)
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_SCALE_PLACEHOLDER = "{{scale}}"
_CRITERION_NAME = re.compile(r"\w+")
_TRUSTED = (Target.REFERENCE, Target.TEACHER)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _ScaleSection(_Section):
    kind: ScaleKind
    categories: list[str] = Field(default_factory=list)
    anchors: dict[str, str] = Field(default_factory=dict)


class _CriterionSection(_Section):
    scale: _ScaleSection


class _FrontMatter(_Section):
    id: str
    version: int
    criterion: str = ""
    scale: _ScaleSection | None = None
    criteria: dict[str, _CriterionSection] = Field(default_factory=dict)
    against: str | list[str] = Field(default_factory=list)
    reply: dict[str, object] | None = None
    items: list[str] = Field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """What is asked of an answer, and the scale of the verdict."""

    name: str
    scale: Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A case as a prompt puts it.

    Attributes:
        mark: of the fences in the messages.
        flags: what was found in the outputs that are judged.
    """

    messages: tuple[Message, ...]
    mark: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt file, read and checked.

    Attributes:
        criteria: what it asks about, all in one call.
        targets: what an answer may be held against; empty where it is looked at alone.
        reply_schema: JSON Schema of the reply, as JSON text in the order its keys are to come.
        fingerprint: hash of the whole file.
        quoted_items: ids of items whose text the prompt quotes; their labels prove nothing.
        user_parts: the user template, cut at its placeholders: text, name, text, name, text.
    """

    prompt_id: str
    criteria: tuple[Criterion, ...]
    targets: tuple[Target, ...]
    reply_schema: str
    fingerprint: str
    quoted_items: tuple[str, ...]
    system: str
    user_parts: tuple[str, ...]

    @property
    def criterion(self) -> str:
        """The name of its criterion; of several, of the first."""
        return self.criteria[0].name

    @property
    def scale(self) -> Scale:
        """The scale of its criterion; of several, of the first."""
        return self.criteria[0].scale

    @property
    def scales(self) -> Mapping[str, Scale]:
        """The scale of each criterion, by its name."""
        return {criterion.name: criterion.scale for criterion in self.criteria}

    def about(self, name: str) -> Criterion:
        """Return one of its criteria.

        Raises:
            ConfigError: it does not ask about that.
        """
        for criterion in self.criteria:
            if criterion.name == name:
                return criterion
        known = [criterion.name for criterion in self.criteria]
        raise ConfigError(
            f"the prompt {self.prompt_id} does not ask about {name}{did_you_mean(name, known)}; "
            f"it asks about: {', '.join(known)}"
        )

    def check_target(self, target: Target) -> None:
        """Refuse a target that the prompt was not written for.

        Raises:
            ConfigError: it holds answers against something else.
        """
        if self.targets and target not in self.targets:
            raise ConfigError(
                f"the prompt {self.prompt_id} holds an answer against "
                f"{' or '.join(self.targets)}, not against {target.value}"
            )

    def reader(self, *, strip_thinking: bool = False) -> ReplyReader:
        """Return what reads replies to it.

        Args:
            strip_thinking: whether a model may think aloud before it replies.
        """
        return ReplyReader(
            schema=self.reply_schema, scales=self.scales, strip_thinking=strip_thinking
        )

    def messages(self, case: JudgedCase) -> Rendered:
        """Put a case into words.

        Every text of the case stands in the one user message, inside a fence whose mark is drawn
        anew for each call.
        """
        mark = new_mark()
        flags: list[str] = []
        parts = list(self.user_parts)
        for place in range(1, len(parts), 2):
            title, texts = self._shown(parts[place], case)
            shown = [canonical(text) for text in texts]
            if parts[place] in _JUDGED:
                flags += [flag for _, found in shown for flag in found]
                flags += [flag for text in texts for flag in self._suspicions(text, case)]
            parts[place] = fenced(title, [text for text, _ in shown], mark)
        user = Message(role="user", content="".join(parts))
        return Rendered(
            messages=(Message(role="system", content=self.system), user),
            mark=mark,
            flags=tuple(dict.fromkeys(flags)),
        )

    def _suspicions(self, text: str, case: JudgedCase) -> tuple[str, ...]:
        """Return flags of an output that seems to speak to the judge, or to say nothing."""
        wanted = [criterion.scale.categories[-1] for criterion in self.criteria]
        return (*injection_flags(text, wanted), *null_flags(text, case.input))

    def _shown(self, placeholder: str, case: JudgedCase) -> tuple[str, Sequence[str]]:
        """Return what a placeholder stands for: a title and texts."""
        if placeholder == "input":
            return "task", (case.input,)
        if placeholder == "against":
            return "source" if case.target is Target.SOURCE else "trusted answer", case.against
        if placeholder == "opponent":
            return "second answer", case.against
        return "first answer" if Target.OPPONENT in self.targets else "answer", (case.candidate,)


_JUDGED = frozenset({"candidate", "opponent"})


def read_prompt(path: Path) -> Prompt:
    """Read a prompt file: front matter between ``---`` lines, then the text.

    Raises:
        ConfigError: the file is absent or not of that form; the message says what is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the prompt {path} cannot be read: {error}") from error
    if (parted := PROMPT_FILE.match(text)) is None:
        raise ConfigError(
            f"the prompt {path.name} must hold front matter between '---' lines, the system "
            "text, a line '--- user ---' and the user text"
        )
    front = _front_matter(path, parted["front"])
    sections = _sections(path, front)
    criteria = tuple(
        Criterion(name=name, scale=_scale(path, section)) for name, section in sections.items()
    )
    user_parts = tuple(_PLACEHOLDER.split(parted["user"].strip()))
    targets = _targets(path, front, criteria, placeholders=user_parts[1::2])
    return Prompt(
        prompt_id=front.id,
        criteria=criteria,
        targets=targets,
        reply_schema=_reply_schema(
            path, front, {criterion.name: criterion.scale for criterion in criteria}
        ),
        fingerprint=hashlib.sha256(text.encode()).hexdigest(),
        quoted_items=tuple(front.items),
        system=_system_text(path, parted["system"].strip(), sections),
        user_parts=user_parts,
    )


def _front_matter(path: Path, text: str) -> _FrontMatter:
    try:
        read = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an impossible date
        raise ConfigError(f"the front matter of {path.name} is no YAML: {error}") from error
    try:
        return _FrontMatter.model_validate(read)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole of it"
        raise ConfigError(f"the front matter of {path.name}: {place}: {first['msg']}") from error


def _sections(path: Path, front: _FrontMatter) -> Mapping[str, _ScaleSection]:
    """Return the scale of each criterion as written."""
    place = f"the front matter of {path.name}"
    if front.criteria and not front.criterion and front.scale is None:
        for name in front.criteria:
            if _CRITERION_NAME.fullmatch(name) is None:
                raise ConfigError(f"{place}: criteria: {name!r} is no name; use letters and '_'")
        if len(front.criteria) == 1:
            raise ConfigError(f"{place}: criteria: one alone is given as 'criterion:' and 'scale:'")
        return {name: section.scale for name, section in front.criteria.items()}
    if front.criterion and front.scale is not None and not front.criteria:
        return {front.criterion: front.scale}
    raise ConfigError(
        f"{place}: needs 'criterion:' and its 'scale:', or 'criteria:' alone with several"
    )


def _scale(path: Path, section: _ScaleSection) -> Scale:
    place = f"the front matter of {path.name}: scale"
    if bool(section.categories) == bool(section.anchors):
        raise ConfigError(
            f"{place}: needs 'categories:', or 'anchors:' that say what each of them means; "
            "one of the two"
        )
    try:
        return Scale(kind=section.kind, categories=tuple(section.categories or section.anchors))
    except ValueError as error:
        raise ConfigError(f"{place}: {error}") from error


def _targets(
    path: Path, front: _FrontMatter, criteria: Sequence[Criterion], *, placeholders: Sequence[str]
) -> tuple[Target, ...]:
    """Return what the prompt holds answers against, and check that it shows just that."""
    place = f"the front matter of {path.name}: against"
    pairwise = {criterion.scale.kind is ScaleKind.PAIRWISE for criterion in criteria}
    targets = _declared(front.against, place)
    if targets is None:
        shown = _TRUSTED if "against" in placeholders else ()
        targets = (Target.OPPONENT,) if True in pairwise else shown
    if len(set(targets)) < len(targets):
        raise ConfigError(f"{place}: a target stands twice")
    if pairwise != {Target.OPPONENT in targets}:
        raise ConfigError(
            f"{place}: a pairwise scale, and it alone, compares an answer with its opponent"
        )
    if Target.SCHEMA in targets or (Target.OPPONENT in targets and len(targets) > 1):
        raise ConfigError(f"{place}: {', '.join(targets)} cannot be judged by one prompt")
    needed, optional = _placeholders(targets)
    if sorted(set(placeholders) - optional) != sorted(needed) or len(set(placeholders)) < len(
        placeholders
    ):
        wanted = ", ".join(f"{{{{{name}}}}}" for name in needed)
        also = "".join(f" (and may hold {{{{{name}}}}})" for name in sorted(optional))
        raise ConfigError(
            f"the user text of {path.name} must hold each of {wanted} once and no other{also}; "
            f"found: {', '.join(placeholders) or 'none'}"
        )
    return targets


def _declared(against: str | Sequence[str], place: str) -> tuple[Target, ...] | None:
    """Return what the file says it is against; None where it does not say."""
    names = [against] if isinstance(against, str) else against
    if names == [NOTHING]:
        return ()
    try:
        return tuple(map(Target, names)) or None
    except ValueError as error:
        known = [*(target.value for target in Target if target is not Target.SCHEMA), NOTHING]
        unknown = next(name for name in names if name not in known[:-1])
        beside = " beside others" if unknown == NOTHING else did_you_mean(unknown, known)
        raise ConfigError(
            f"{place}: {unknown!r} is no target{beside}; give one or several of {', '.join(known)}"
        ) from error


def _placeholders(targets: Sequence[Target]) -> tuple[Sequence[str], frozenset[str]]:
    """Return the placeholders a prompt must hold, and those it may hold."""
    if not targets:
        return ("candidate",), frozenset({"input"})
    if Target.OPPONENT in targets:
        return ("input", "candidate", "opponent"), frozenset()
    if Target.SOURCE in targets:  # which is the input, and is shown once
        return ("against", "candidate"), frozenset()
    return ("input", "against", "candidate"), frozenset()


def _reply_schema(path: Path, front: _FrontMatter, scales: Mapping[str, Scale]) -> str:
    if front.reply is None:
        return built_schema(scales)
    try:
        return given_schema(front.reply, scales)
    except ValueError as error:
        raise ConfigError(f"the front matter of {path.name}: {error}") from error


def _system_text(path: Path, text: str, sections: Mapping[str, _ScaleSection]) -> str:
    place = f"the system text of {path.name}"
    before, found, after = text.partition(_SCALE_PLACEHOLDER)
    for part in (before, after):
        if (other := _PLACEHOLDER.search(part)) is not None:
            raise ConfigError(
                f"{place} holds {other[0]}; what is judged stands in the user text only, "
                f"and {_SCALE_PLACEHOLDER} once"
            )
    if not found and any(section.anchors for section in sections.values()):
        raise ConfigError(f"{place} must hold {_SCALE_PLACEHOLDER}, where the anchors are shown")
    return f"{before}{_in_words(sections)}{after}" if found else text


def _in_words(sections: Mapping[str, _ScaleSection]) -> str:
    """Write scales down, the worst category first."""
    lines = []
    for name, section in sections.items():
        if len(sections) > 1:
            lines.append(f"{name}:")
        meanings = section.anchors or dict.fromkeys(section.categories, "")
        lines += [
            f'- "{category}": {" ".join(meaning.split())}' if meaning else f'- "{category}"'
            for category, meaning in meanings.items()
        ]
    return "\n".join(lines)
