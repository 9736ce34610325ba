"""Config files: YAML, checked once, with the line of whatever is wrong."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from judge.errors import ConfigError, did_you_mean
from judge.models.chat import ReplyFormat
from judge.models.embedding import DEFAULT_MODEL
from judge.records.rating import LabelKey, LabelSource
from judge.records.record import Role, Target
from judge.records.scale import EQUIVALENCE, ScaleKind
from judge.trust.certificate import Primary

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_Against: TypeAlias = Annotated[
    list[Literal[Target.REFERENCE, Target.TEACHER]], Field(min_length=1)
]
_Fields: TypeAlias = dict[str, str]
_Path: TypeAlias = tuple[str | int, ...]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class DatasetSection(_Section):
    """Where the items are and how their columns read."""

    items: str = Field(description="JSONL or CSV file of items, relative to the config")
    fields: _Fields = Field(default_factory=dict, description="our field name: your column")
    alternatives: str | None = Field(
        default=None,
        min_length=1,
        description="text between several right answers, or 'list' for a JSON list of them",
    )
    cluster: str | None = Field(default=None, description="column that groups related items")


class SystemSection(_Section):
    """One model under evaluation and its answers."""

    role: Role = Field(description="teacher, sft, distilled or student")
    outputs: str = Field(description="JSONL or CSV file of answers, relative to the config")
    fields: _Fields = Field(default_factory=dict, description="our field name: your column")
    parameters: str = Field(default="", description="its size, for example 135M")
    family: str = Field(default="", description="model family, for example smol")


class ScaleSection(_Section):
    """What verdicts and labels stand on."""

    kind: ScaleKind = ScaleKind.BINARY
    categories: tuple[str, ...] = Field(
        default=EQUIVALENCE.categories, description="the negative one first"
    )


class JudgeSection(_Section):
    """A judge behind an OpenAI-compatible endpoint."""

    model: str = Field(description="the name the endpoint knows it by")
    prompt: str = Field(default="equivalence/v1", description="a shipped prompt, or a .md file")
    base_url: str | None = Field(default=None, description="default: OPENAI_BASE_URL, or OpenAI")
    api_key_env: str = Field(
        default="OPENAI_API_KEY", description="environment variable that holds the key"
    )
    response_format: ReplyFormat = Field(
        default=ReplyFormat.JSON_SCHEMA, description="what the endpoint can be held to"
    )
    temperature: float | None = Field(
        default=0.0, ge=0, le=2, description="null for models that take none"
    )
    max_tokens: int = Field(default=1024, ge=1)
    seed: int | None = None
    deadline_s: float = Field(default=120.0, gt=0, description="wall-clock seconds per attempt")


class EquivalenceSection(_Section):
    """Judged equivalence."""

    criterion: Literal["equivalence"] = "equivalence"
    scale: ScaleSection = ScaleSection()
    judge: Literal["baseline"] | JudgeSection = "baseline"
    against: _Against | None = Field(
        default=None, description="reference, teacher or both; default: what there is"
    )


class SimilaritySection(_Section):
    """Embedding similarity."""

    model: str = Field(default=DEFAULT_MODEL, description="a folder, or a model's name")
    revision: str = Field(default="", description="commit of a model from the hub")
    against: _Against | None = Field(
        default=None, description="reference, teacher or both; default: what there is"
    )


class AdherenceSection(_Section):
    """Format adherence."""

    schema_file: str | None = Field(
        default=None, alias="schema", description="JSON Schema for items without their own"
    )


class ScorersSection(_Section):
    """What is measured; each of the three may be left out."""

    equivalence: EquivalenceSection | None = None
    similarity: SimilaritySection | None = None
    adherence: AdherenceSection | None = None


class RatingsSection(_Section):
    """What people said of the outputs."""

    path: str = Field(description="JSONL or CSV file of ratings, relative to the config")
    fields: _Fields = Field(default_factory=dict, description="our field name: your column")
    labels: dict[LabelKey, str] = Field(
        default_factory=dict, description="label as stored: category of the scale"
    )
    criterion: Literal["equivalence"] = "equivalence"
    target: Literal[Target.REFERENCE, Target.TEACHER] = Field(
        default=Target.REFERENCE, description="what raters compared the output with"
    )
    source: LabelSource = Field(description="human, or constructed by an author")
    blind: bool = Field(
        default=False, description="raters saw neither the verdict nor the system's name"
    )
    sampling: str | None = Field(
        default=None,
        min_length=1,
        description="random, or the column with inclusion probabilities",
    )


class TrustSection(_Section):
    """What a judge must reach before it is believed."""

    primary: Primary = Primary.INFORMEDNESS
    at_least: float = Field(default=0.6, gt=0, le=1)
    min_items: int = Field(default=50, ge=1)
    min_class: int = Field(default=20, ge=1)
    valid_days: int = Field(default=90, ge=1)


class MissingSection(_Section):
    """What empty and missing outputs count as; declared before the run."""

    judged_on_empty_output: Literal["lowest", "missing"] = "lowest"
    similarity_on_empty_output: Literal["zero", "missing"] = "zero"


class Config(_Section):
    """A judge config."""

    name: str = Field(min_length=1)
    dataset: DatasetSection
    slices: tuple[str, ...] | None = Field(
        default=None, description="columns to report by; default: the keys of 'slices'"
    )
    systems: dict[str, SystemSection] = Field(min_length=1)
    scorers: ScorersSection = ScorersSection(
        equivalence=EquivalenceSection(),
        similarity=SimilaritySection(),
        adherence=AdherenceSection(),
    )
    ratings: RatingsSection | None = None
    trust: TrustSection = TrustSection()
    missing: MissingSection = MissingSection()
    seed: int = Field(default=0, ge=0, description="of every random draw")


def read_config(path: Path) -> tuple[Config, str]:
    """Read a config file; return it and its text.

    Raises:
        ConfigError: it is absent, no YAML, or wrong; the message names line, key and remedy.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the config {path} cannot be read: {error}") from error
    return parse_config(text, name=path.name), text


def parse_config(text: str, *, name: str) -> Config:
    """Check the text of a config.

    Args:
        text: the YAML.
        name: what to call the file in messages.

    Raises:
        ConfigError: it is no YAML, or wrong; the message names line, key and remedy.
    """
    try:
        lines = _lines_of_keys(yaml.compose(text, Loader=yaml.SafeLoader), name)
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name} is no readable YAML: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{name} must hold keys such as 'name:', 'dataset:' and 'systems:'")
    expanded = _expanded(raw, (), name=name, lines=lines)
    try:
        config = Config.model_validate(expanded)
    except ValidationError as error:
        raise ConfigError(_problem(error, name=name, lines=lines)) from error
    _check_roles(config, name)
    return config


def _check_roles(config: Config, name: str) -> None:
    teachers = [key for key, system in config.systems.items() if system.role is Role.TEACHER]
    if len(teachers) > 1:
        raise ConfigError(f"{name}: systems: {' and '.join(teachers)} are both the teacher")
    equivalence = config.scorers.equivalence
    if equivalence and len(set(equivalence.scale.categories)) != 2:  # noqa: PLR2004
        raise ConfigError(
            f"{name}: scorers.equivalence.scale.categories: a binary scale has two different "
            "categories, the negative one first"
        )


def _lines_of_keys(node: yaml.Node | None, name: str) -> Mapping[_Path, int]:
    lines: dict[_Path, int] = {}
    seen: set[int] = set()

    def walk(at: yaml.Node | None, path: _Path) -> None:
        if at is None or id(at) in seen:
            return
        seen.add(id(at))
        if isinstance(at, yaml.MappingNode):
            for key, value in at.value:
                place = (*path, str(key.value))
                line = key.start_mark.line + 1
                if place in lines:
                    raise ConfigError(
                        f"{name} line {line}: {'.'.join(map(str, place))} stands already on "
                        f"line {lines[place]}"
                    )
                lines[place] = line
                walk(value, place)
        elif isinstance(at, yaml.SequenceNode):
            for number, value in enumerate(at.value):
                lines[(*path, number)] = value.start_mark.line + 1
                walk(value, (*path, number))

    walk(node, ())
    return lines


def _expanded(value: object, path: _Path, *, name: str, lines: Mapping[_Path, int]) -> object:
    if isinstance(value, dict):
        return {
            key: _expanded(member, (*path, str(key)), name=name, lines=lines)
            for key, member in value.items()
        }
    if isinstance(value, list):
        return [
            _expanded(member, (*path, number), name=name, lines=lines)
            for number, member in enumerate(value)
        ]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        if (found := os.environ.get(match[1])) is None:
            raise ConfigError(
                f"{_place(path, name=name, lines=lines)}: the environment variable {match[1]} "
                f"is not set; set it, for example: export {match[1]}=..."
            )
        return found

    return _VARIABLE.sub(variable, value)


def _problem(error: ValidationError, *, name: str, lines: Mapping[_Path, int]) -> str:
    # A union reports each of its branches; the deepest complaint is about what was meant.
    worst = max(error.errors(), key=lambda found: len(found["loc"]))
    path = _as_written(worst["loc"], lines)
    place = _place(path, name=name, lines=lines)
    if worst["type"] == "extra_forbidden":
        known = _known_keys(path[:-1])
        guess = did_you_mean(str(path[-1]), known)
        return f"{place}: unknown key{guess}; known here: {', '.join(known)}"
    if worst["type"] == "missing":
        return f"{place}: is missing"
    return f"{place}: {worst['msg']}; found {worst['input']!r}"


def _as_written(location: _Path, lines: Mapping[_Path, int]) -> _Path:
    """Drop what pydantic adds to a location: the names of a union's branches."""
    path: _Path = ()
    for step in location[:-1]:
        if (*path, step) in lines:
            path = (*path, step)
    last = location[-1]
    is_branch = isinstance(last, str) and (last.endswith("Section") or last.startswith("literal["))
    return path if is_branch else (*path, last)


def _place(path: _Path, *, name: str, lines: Mapping[_Path, int]) -> str:
    line = lines.get(path) or lines.get(path[:-1])
    where = f"{name} line {line}" if line else name
    return f"{where}: {'.'.join(map(str, path))}" if path else where


def _known_keys(path: _Path) -> list[str]:
    section: type[BaseModel] = Config
    for step in path:
        field = next(
            (f for key, f in section.model_fields.items() if str(step) in (key, f.alias)), None
        )
        if field is not None and (inner := _section_in(field.annotation)) is not None:
            section = inner
    return [field.alias or key for key, field in section.model_fields.items()]


def _section_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_section_in(argument) for argument in get_args(annotation))
    return next((found for found in inner if found is not None), None)
