"""Config files: YAML, checked once, with the line of whatever is wrong."""

import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias, get_args

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from judge.errors import ConfigError, did_you_mean
from judge.judges.claims import LostClaim
from judge.judges.panel import Rule
from judge.models.chat import ReplyFormat
from judge.models.embedding import DEFAULT_MODEL
from judge.records.label import LabelKey
from judge.records.rating import Aggregate, LabelSource
from judge.records.record import Role, Target
from judge.records.scale import EQUIVALENCE, Scale, ScaleKind
from judge.results.run import ACCURACY, ADHERENCE, FIELD_F1, SIMILARITIES, TOKEN_MATCHING
from judge.results.run import EQUIVALENCE as EQUIVALENCE_SCORER
from judge.results.terms import Unscored
from judge.scorers.answers import EXACT_MATCH, TOKEN_F1
from judge.scorers.field_values import DecimalMark, ListRule
from judge.scorers.rouge import VARIANTS
from judge.trust.certificate import Primary

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_NAME = re.compile(r"[A-Za-z][\w-]*")
_ENUM_MEMBER = re.compile(r"<[\w.]+: ('[^']*')>")
# Types and words of pydantic's complaints.
_UNKNOWN = "extra_forbidden"
_ABSENT = "missing"
_SHOULD_BE = "Input should be "
_MERGE = "tag:yaml.org,2002:merge"
_TASK_KEYS: Mapping[str, frozenset[str]] = {
    "qa": frozenset(),
    "summarization": frozenset({"stemmer"}),
    "classification": frozenset({"labels", "place", "ignore_case"}),
    "extraction": frozenset({"ignore_case", "lists", "decimal_mark", "decimals", "dates"}),
}
OWN_NAMES = frozenset(
    {
        *(EQUIVALENCE_SCORER, *SIMILARITIES, ADHERENCE),
        *(EXACT_MATCH, TOKEN_F1, *VARIANTS, ACCURACY, FIELD_F1),
    }
)
"""Names of scorers that no further criterion may have."""
_Against: TypeAlias = Annotated[
    list[Literal[Target.REFERENCE, Target.TEACHER, Target.OPPONENT, Target.SOURCE]],
    Field(min_length=1),
]
_Fields: TypeAlias = dict[str, str]
_Path: TypeAlias = tuple[str | int, ...]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class TrainingSection(_Section):
    """What students were trained on: no item of the set may stand in it."""

    files: tuple[str, ...] = Field(
        min_length=1, description=".jsonl, .csv, .tsv, .txt or .md, each also .gz"
    )
    columns: tuple[str, ...] = Field(default=(), description="those to look in; default: all")
    outputs: tuple[str, ...] = Field(
        default=(), description="systems whose answers must not stand in it either"
    )


class DatasetSection(_Section):
    """Where the items are and how their columns read."""

    items: str | None = Field(
        default=None, description="JSONL, CSV or Parquet file of items, relative to the config"
    )
    pairs: str | None = Field(
        default=None,
        description="instead of items and systems: a file of pairs, with output_a and output_b",
    )
    fields: _Fields = Field(default_factory=dict, description="our field name: your column")
    alternatives: str | None = Field(
        default=None,
        min_length=1,
        description="text between several right answers, or 'list' for a JSON list of them",
    )
    cluster: str | None = Field(default=None, description="column that groups related items")
    frozen: str | None = Field(
        default=None, description="manifest by judge freeze: a set that differs is refused"
    )
    training: TrainingSection | None = Field(
        default=None, description="training files: reports name the items that stand in them"
    )


class PricesSection(_Section):
    """What a model costs, in US dollars per million tokens."""

    input_per_million: float = Field(ge=0)
    output_per_million: float = Field(ge=0)
    cached_input_per_million: float | None = Field(
        default=None, ge=0, description="of what the endpoint has in its own cache"
    )


class AskedSection(_Section):
    """The endpoint at which judge generate asks one system for its outputs."""

    model: str = Field(description="the name the endpoint knows it by")
    base_url: str | None = Field(default=None, description="default: OPENAI_BASE_URL, or OpenAI")
    api_version: str = Field(default="", description="of an Azure endpoint")
    api_key_env: str = Field(
        default="OPENAI_API_KEY", description="environment variable that holds the key"
    )
    effort: str = Field(default="", description="of a reasoning model, for example low")
    deadline_s: float = Field(default=120.0, gt=0, description="wall-clock seconds per attempt")
    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0)
    prices: PricesSection | None = Field(
        default=None, description="default: the published ones of a known provider"
    )


class GenerateSection(_Section):
    """What judge generate asks every system, and what it does to every answer."""

    prompt: str = Field(
        default="{input}",
        description="the user message, with {input} in it; or a .md or .txt file that holds it",
    )
    system: str = Field(default="", description="the system message, or a .md or .txt file")
    temperature: float | None = Field(
        default=0.0, ge=0, le=2, description="null leaves it to the endpoints"
    )
    max_tokens: int = Field(default=1024, ge=1, description="of an output, with any reasoning")
    seed: int | None = None
    strip_thinking: bool = Field(
        default=False, description="keep what stands after <think>...</think>"
    )
    stream: bool = Field(
        default=True, description="ask for outputs token by token, to time the first"
    )
    logprobs: int = Field(
        default=0,
        ge=0,
        le=20,
        description="write down the log-probability of each token of an output, and of so many of "
        "the likeliest at its place; 0 asks for none",
    )


class SystemSection(_Section):
    """One model under evaluation and its answers."""

    role: Role = Field(description="teacher, sft, distilled or student")
    outputs: str = Field(
        description="JSONL, CSV or Parquet file of answers, relative to the config"
    )
    fields: _Fields = Field(default_factory=dict, description="our field name: your column")
    parameters: str = Field(default="", description="its size, for example 135M")
    family: str = Field(default="", description="model family, for example smol")
    hardware: str = Field(default="", description="what it ran on, for example 1 x H100")
    batch: str = Field(default="", description="how it was asked, for example 8 at once")
    memory_gib: float | None = Field(default=None, gt=0, description="memory that it takes")
    generate: AskedSection | None = Field(
        default=None, description="where judge generate asks it for its outputs"
    )


class ScaleSection(_Section):
    """What verdicts and labels stand on."""

    kind: ScaleKind = ScaleKind.BINARY
    categories: tuple[str | StrictInt, ...] = Field(
        default=EQUIVALENCE.categories,
        description="worst first; pairwise: the second wins, perhaps tie, the first wins",
    )

    @property
    def scale(self) -> Scale:
        """The scale as the rest of the program knows it."""
        return Scale(kind=self.kind, categories=tuple(map(str, self.categories)))


class JudgeSection(_Section):
    """A judge behind an OpenAI-compatible endpoint."""

    model: str = Field(description="the name the endpoint knows it by")
    prompt: str = Field(default="equivalence/v1", description="a shipped prompt, or a .md file")
    base_url: str | None = Field(default=None, description="default: OPENAI_BASE_URL, or OpenAI")
    api_version: str = Field(default="", description="of an Azure endpoint")
    api_key_env: str = Field(
        default="OPENAI_API_KEY", description="environment variable that holds the key"
    )
    response_format: ReplyFormat | Literal["auto"] = Field(
        default=ReplyFormat.JSON_SCHEMA,
        description="what the endpoint can be held to; auto finds out by up to three small calls",
    )
    temperature: float | None = Field(
        default=0.0, ge=0, le=2, description="null for models that take none"
    )
    max_tokens: int = Field(default=1024, ge=1, description="of a reply, with any reasoning")
    seed: int | None = None
    effort: str = Field(default="", description="of a reasoning model, for example low")
    strip_thinking: bool = Field(
        default=False, description="read what stands after <think>...</think>"
    )
    weighted: bool = Field(
        default=False, description="score by the probabilities of the scale's categories"
    )
    repeats: int = Field(default=1, ge=1, le=99, description="times each question is asked")
    rule: Rule = Field(default=Rule.MAJORITY, description="how several verdicts become one")
    orders: Literal[1, 2] = Field(
        default=2, description="of pairs: both orders, or one that is drawn for each pair"
    )
    claims: Literal["never", "long", "always"] = Field(
        default="never",
        description="claim by claim against passages of the source: where it is over "
        "context_tokens, or always",
    )
    claim_prompt: str = Field(default="claim/v1", description="asks about one claim")
    lost_claim: LostClaim = Field(
        default=LostClaim.FATE, description="what a claim without a verdict does to the record"
    )
    context_tokens: int | None = Field(
        default=None, ge=256, description="what the model can read at once, reply included"
    )
    deadline_s: float = Field(default=120.0, gt=0, description="wall-clock seconds per attempt")
    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0)
    prices: PricesSection | None = Field(
        default=None, description="default: the published ones of a known provider"
    )
    family: str = Field(default="", description="its model family, for example gpt")

    @model_validator(mode="after")
    def _without_temperature(self) -> Self:
        if self.effort and "temperature" not in self.model_fields_set:
            return self.model_copy(update={"temperature": None})
        return self


class PanelSection(_Section):
    """Several judges whose verdicts become one."""

    panel: dict[str, JudgeSection] = Field(min_length=2, description="its members by name")
    rule: Rule = Field(default=Rule.MAJORITY, description="how several verdicts become one")
    needed: int | None = Field(
        default=None, ge=1, description="members that must answer; default: more than half"
    )

    @property
    def family(self) -> str:
        """The families of its members."""
        return "/".join(sorted({member.family for member in self.panel.values()} - {""}))


class RecordedSection(_Section):
    """A judge that ran elsewhere: its verdicts in a file."""

    recorded: str = Field(
        description="JSONL, CSV or Parquet file of verdicts, relative to the config"
    )
    name: str = Field(default="", description="whose verdicts, by the file's 'judge' column")
    fields: _Fields = Field(default_factory=dict, description="our field name: your column")
    labels: dict[LabelKey, str] = Field(
        default_factory=dict, description="verdict as stored: category of the scale"
    )
    family: str = Field(default="", description="its model family, for example gpt")


class JudgedSection(_Section):
    """One criterion that a judge decides."""

    criterion: str = Field(
        default="", description="what is asked; default: the name the section stands under"
    )
    scale: ScaleSection = ScaleSection()
    judge: Literal["baseline"] | JudgeSection | PanelSection | RecordedSection = "baseline"
    against: _Against | None = Field(
        default=None,
        description="reference, teacher, source (the item's own input); default: what there is "
        "of reference and teacher",
    )


class EmbeddingEndpointSection(_Section):
    """An OpenAI-compatible endpoint that makes the vectors."""

    base_url: str | None = Field(default=None, description="default: OPENAI_BASE_URL, or OpenAI")
    api_version: str = Field(default="", description="of an Azure endpoint")
    api_key_env: str = Field(
        default="OPENAI_API_KEY", description="environment variable that holds the key"
    )
    dimensions: int = Field(default=0, ge=0, description="of a vector; 0 for the model's own")
    connections: int = Field(default=4, ge=1, le=64, description="requests at once")


class SimilaritySection(_Section):
    """Embedding similarity."""

    model: str = Field(
        default=DEFAULT_MODEL, description="a folder, or a model's name; the endpoint's, with one"
    )
    revision: str = Field(default="", description="commit of a model from the hub")
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32", description="of the model's numbers; float16 on a GPU only"
    )
    prompt: str | None = Field(
        default=None, description="stands before every text; default: the model's own"
    )
    device: str = Field(default="", description="for example cuda:1; default: the first GPU or CPU")
    endpoint: EmbeddingEndpointSection | None = Field(
        default=None, description="asks an endpoint for the vectors; default: a model run here"
    )
    also: list[Literal["alignment", "token_matching", "numbers_and_names"]] = Field(
        default_factory=list,
        description="sentence by sentence, token by token, and by the facts an embedding misses",
    )
    against: _Against | None = Field(
        default=None, description="reference, teacher or both; default: what there is"
    )


class TextFormatSection(_Section):
    """What an output must be that is a text and no JSON."""

    pattern: str = Field(
        default="", description="stands somewhere in it: no look-around, no back-references"
    )
    forbidden: str = Field(default="", description="a pattern that stands nowhere in it")
    headings: tuple[str, ...] = Field(
        default=(), description="of Markdown, of any level, in this order"
    )
    one_of: tuple[str, ...] = Field(default=(), description="the whole text, to the letter")
    min_words: int | None = Field(default=None, ge=1)
    max_words: int | None = Field(default=None, ge=1)
    min_characters: int | None = Field(default=None, ge=1)
    max_characters: int | None = Field(default=None, ge=1)
    max_lines: int | None = Field(default=None, ge=1)


class AdherenceSection(_Section):
    """Format adherence."""

    schema_file: str | None = Field(
        default=None, alias="schema", description="JSON Schema for items without their own"
    )
    formats: bool = Field(
        default=False, description="whether a 'format' that is not met makes an output invalid"
    )
    dialect: Literal["draft-07", "2019-09", "2020-12"] = Field(
        default="2020-12", description="of schemas without '$schema'"
    )
    bundle: dict[str, str] = Field(
        default_factory=dict,
        description="schemas that others refer to: their URI, and a file relative to the config",
    )
    text: TextFormatSection | None = Field(
        default=None, description="instead of a schema: a format of texts, for items without one"
    )


class TaskSection(_Section):
    """What an answer of one kind of task is worth by a formula, without a judge."""

    kind: Literal["qa", "summarization", "classification", "extraction"] = Field(
        description="qa: exact match and token F1; summarization: ROUGE-1, 2 and L; "
        "classification: accuracy and F1 by class; extraction: F1 of JSON fields"
    )
    against: list[Literal[Target.REFERENCE, Target.TEACHER]] | None = Field(
        default=None, min_length=1, description="reference, teacher or both; default: what there is"
    )
    slices: dict[str, str] = Field(
        default_factory=dict, description="slice: value of the items it is about; default: all"
    )
    stemmer: bool = Field(default=False, description="summarization: stem English words")
    labels: tuple[str | StrictInt, ...] = Field(
        default=(), description="classification: every label there is, as outputs write it"
    )
    place: str = Field(
        default="",
        description="classification: JSON Pointer to the label in a JSON output, such as /label",
    )
    ignore_case: bool = Field(
        default=False, description="classification, extraction: labels or texts in any case"
    )
    lists: ListRule = Field(
        default="any_order", description="extraction: whether the order of lists counts"
    )
    decimal_mark: DecimalMark = Field(
        default="none", description="extraction: of texts that are read as numbers"
    )
    decimals: int | None = Field(
        default=None, ge=0, le=15, description="extraction: places that numbers are rounded to"
    )
    dates: tuple[str, ...] = Field(
        default=(), description="extraction: how dates are written, such as %d.%m.%Y"
    )


def _listed(value: object) -> object:
    return [value] if isinstance(value, dict) else value


_Tasks: TypeAlias = Annotated[
    tuple[TaskSection, ...],
    BeforeValidator(_listed, json_schema_input_type=TaskSection | list[TaskSection]),
]


class ScorersSection(_Section):
    """What is measured; each part may be left out."""

    equivalence: JudgedSection | None = None
    judged: dict[str, JudgedSection] = Field(
        default_factory=dict, description="further criteria that a judge decides, by name"
    )
    similarity: SimilaritySection | None = None
    adherence: AdherenceSection | None = None
    task: _Tasks = Field(
        default=(), description="scores by a formula: one kind of task, or a list of several"
    )

    @property
    def all_judged(self) -> dict[str, JudgedSection]:
        """Every judged criterion by the name of its scorer, each knowing what is asked."""
        first = {} if self.equivalence is None else {EQUIVALENCE_SCORER: self.equivalence}
        return {
            name: section.model_copy(update={"criterion": section.criterion or name})
            for name, section in {**first, **self.judged}.items()
        }


class RatingsSection(_Section):
    """What people said of the outputs."""

    path: str = Field(description="JSONL, CSV or Parquet file of ratings, relative to the config")
    fields: _Fields = Field(default_factory=dict, description="our field name: your column")
    labels: dict[LabelKey, str] = Field(
        default_factory=dict, description="label as stored: category of the scale"
    )
    criterion: str | None = Field(
        default=None, min_length=1, description="what raters were asked; default: the scorer's"
    )
    target: Literal[Target.REFERENCE, Target.TEACHER, Target.OPPONENT, Target.SOURCE] | None = (
        Field(
            default=None,
            description="what raters compared outputs with; default: reference, of pairs opponent",
        )
    )
    aggregate: Aggregate | None = Field(
        default=None,
        description="how several raters' labels become one; default: majority, ordinal: median",
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
    plan: str | None = Field(
        default=None,
        description="the plan that judge plan wrote beside the file: rows then name a task",
    )


class TrustSection(_Section):
    """What a judge must reach before it is believed."""

    primary: Primary | None = Field(
        default=None,
        description="the figure that decides; default: informedness, kappa_quadratic or kappa, "
        "by the scale",
    )
    at_least: float = Field(default=0.6, gt=0, le=1, description="for its lower limit")
    delta_max: float = Field(
        default=0.05, gt=0, lt=1, description="or instead: how far under the human ceiling at most"
    )
    max_bias: float = Field(
        default=0.10, gt=0, le=1, description="for the upper limit of |mean bias|, scale in [0, 1]"
    )
    min_items: int = Field(default=50, ge=1, description="rated items, a floor")
    min_class: int = Field(default=20, ge=1, description="labels in each class, binary")
    valid_days: int = Field(default=90, ge=1)
    sentinels: int = Field(
        default=30, ge=0, description="certified verdicts that later runs are compared with"
    )
    sentinel_disagreement: float = Field(default=0.05, ge=0, lt=1)
    epsilon: float = Field(
        default=0.15, ge=0, lt=1, description="of the alternative annotator test: .2 for experts"
    )
    max_null_pass: float = Field(
        default=0.05, ge=0, lt=1, description="for the lower limit of null answers that pass"
    )
    max_attack_success: float = Field(
        default=0.05, ge=0, lt=1, description="for the lower limit of attacks that succeed"
    )
    max_shift: float = Field(
        default=0.1, gt=0, le=0.5, description="for how far another evaluation set may differ"
    )


class MonitorSection(_Section):
    """Samples from production that are held against the evaluation set."""

    outputs: str = Field(
        description="JSONL, CSV or Parquet file of items with their outputs, relative to the config"
    )
    system: str = Field(description="whose outputs they are: a name under systems")
    fields: _Fields = Field(
        default_factory=dict, description="our field name: your column; default: those of dataset"
    )
    alarm: float = Field(
        default=0.05, gt=0, lt=0.5, description="chance of a false alarm over the whole stream"
    )
    tolerated: float = Field(
        default=0.0, ge=0, lt=1, description="fall of a mean that is no alarm, scale in [0, 1]"
    )
    window: int = Field(
        default=500, ge=50, description="newest samples whose inputs are held against the set's"
    )
    max_shift: float = Field(
        default=0.1, gt=0, le=0.5, description="for how far inputs may differ, as in trust"
    )


class MissingSection(_Section):
    """What empty and missing outputs count as; declared before the run."""

    judged_on_empty_output: Literal["lowest", "missing"] = "lowest"
    similarity_on_empty_output: Literal["zero", "missing"] = "zero"
    unscored: Unscored = Field(
        default=Unscored.BOUNDS,
        description="what a record without a score counts as where something is decided: bounds "
        "(the decision must hold at the worst and the best), lowest or set_aside",
    )


class DecisionSection(_Section):
    """What decides whether a student may ship; declared before the run."""

    metric: str = Field(
        default="",
        description="such as equivalence.reference; default: the first that a judge decides, "
        "else the first that begins at 0",
    )
    margin: float = Field(
        default=0.9, gt=0, le=1, description="the share of the teacher's quality to keep"
    )
    critical: tuple[str, ...] = Field(
        default=(),
        description="slices, as dimension=value, on which that share must be kept as well",
    )


class GateRuleSection(_Section):
    """One rule of the gate; it asks one thing."""

    metric: str = Field(
        default="", description="such as equivalence.reference or operations.latency_ms.p95"
    )
    metrics: dict[str, float] = Field(
        default_factory=dict,
        description="instead of one: the least that an output must have, by metric; the rule is "
        "about the share of outputs that have it all",
    )
    system: str = Field(description="that is asked about")
    at_least: float | None = Field(default=None, description="for the metric")
    at_most: float | None = Field(default=None, description="for the metric")
    retains: float | None = Field(
        default=None, gt=0, description="share of another system's score on the same items"
    )
    loses_at_most: float | None = Field(
        default=None, ge=0, description="against the baseline run on the same items"
    )
    saves_at_least: float | None = Field(
        default=None, lt=1, description="share of what another system takes on the same items"
    )
    of: str = Field(
        default="", description="of 'retains', 'saves_at_least': another system than the teacher"
    )
    slices: tuple[str, ...] = Field(
        default=("overall",),
        min_length=1,
        description="on each of which it must hold: overall or dimension=value",
    )

    @property
    def asked(self) -> Mapping[str, float]:
        """What is asked, by key."""
        keys = ("at_least", "at_most", "retains", "loses_at_most", "saves_at_least")
        return {key: value for key in keys if (value := getattr(self, key)) is not None}


class Config(_Section):
    """A judge config."""

    name: str = Field(min_length=1)
    dataset: DatasetSection
    slices: tuple[str, ...] | None = Field(
        default=None, description="columns to report by; default: the keys of 'slices'"
    )
    systems: dict[str, SystemSection] = Field(
        default_factory=dict, description="the models under evaluation; none for pairs"
    )
    scorers: ScorersSection = ScorersSection(
        equivalence=JudgedSection(),
        similarity=SimilaritySection(),
        adherence=AdherenceSection(),
    )
    ratings: RatingsSection | None = None
    trust: TrustSection = TrustSection()
    missing: MissingSection = MissingSection()
    decision: DecisionSection | None = None
    monitor: MonitorSection | None = None
    gate: tuple[GateRuleSection, ...] = Field(
        default=(), description="rules of judge gate, all of which must hold"
    )
    generate: GenerateSection = GenerateSection()
    cache: bool = Field(
        default=True, description="whether answers an endpoint gave before are used again"
    )
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
        raw = _expanded(yaml.safe_load(text), (), name=name, lines=lines)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-02-30
        raise ConfigError(f"{name} is no readable YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise ConfigError(
            f"{name} is nested too deeply, or an alias in it stands for a part that holds it"
        ) from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{name} must hold keys such as 'name:', 'dataset:' and 'systems:'")
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(_problem(error, name=name, lines=lines)) from error
    _check_parts(config, name)
    _check_gate(config, name, lines)
    _check_labels(config, name)
    return config


def line_in(text: str, path: Sequence[str | int], *, name: str) -> int:
    """Return the line of a key in the text of a config; 0 where it is not there."""
    lines = _lines_of_keys(yaml.compose(text, Loader=yaml.SafeLoader), name)
    return lines.get(tuple(path), 0)


def place_in(text: str, path: Sequence[str | int], *, name: str) -> str:
    """Return where a key stands in the text of a config: ``judge.yaml line 14: gate.2.metric``."""
    lines = _lines_of_keys(yaml.compose(text, Loader=yaml.SafeLoader), name)
    return _place(tuple(path), name=name, lines=lines)


def config_schema() -> str:
    """Return the JSON Schema of config files, as ``configs/judge.schema.json`` ships it."""
    schema = {
        **Config.model_json_schema(),
        "$schema": "https://json-schema.org/draft/2020-12/schema",
    }
    return json.dumps(schema, indent=2)


def _check_parts(config: Config, name: str) -> None:
    dataset = config.dataset
    if (dataset.items is None) == (dataset.pairs is None):
        raise ConfigError(f"{name}: dataset: needs 'items:' or 'pairs:', one of the two")
    if (dataset.pairs is None) != bool(config.systems):
        raise ConfigError(
            f"{name}: systems: are needed beside items, and have no place beside pairs"
        )
    teachers = [key for key, system in config.systems.items() if system.role is Role.TEACHER]
    if len(teachers) > 1:
        raise ConfigError(f"{name}: systems: {' and '.join(teachers)} are both the teacher")
    if config.decision is not None and not teachers:
        raise ConfigError(
            f"{name}: decision: a share of the teacher needs a system with 'role: teacher'"
        )
    for scorer, section in config.scorers.all_judged.items():
        _check_judged(section, f"{name}: {place_of(scorer)}", pairs=dataset.pairs is not None)
    _check_similarity(config.scorers.similarity, name)
    _check_adherence(config.scorers.adherence, name)
    for scorer in config.scorers.judged:
        if scorer in OWN_NAMES or not _NAME.fullmatch(scorer):
            raise ConfigError(
                f"{name}: scorers.judged.{scorer}: give it another name, of letters, digits, "
                "'-' and '_', that is none of the other scorers'"
            )
    _check_tasks(config, f"{name}: scorers.task")


def _check_tasks(config: Config, place: str) -> None:
    tasks = config.scorers.task
    if tasks and config.dataset.pairs is not None:
        raise ConfigError(f"{place}: has no place beside pairs, which only a judge can compare")
    if len({task.kind for task in tasks}) < len(tasks):
        raise ConfigError(f"{place}: each kind of task stands once, and its scores under its name")
    for task in tasks:
        allowed = {"kind", "against", "slices", *_TASK_KEYS[task.kind]}
        for key in sorted(task.model_fields_set - allowed):
            kinds = " or ".join(kind for kind, keys in _TASK_KEYS.items() if key in keys)
            raise ConfigError(f"{place}.{key}: is for kind: {kinds}, not for kind: {task.kind}")


def _check_similarity(section: SimilaritySection | None, name: str) -> None:
    if section is None or section.endpoint is None:
        return
    for key in ("revision", "precision", "prompt", "device"):
        if key in section.model_fields_set:
            raise ConfigError(
                f"{name}: scorers.similarity.{key}: is of a model that is run here; leave it out "
                "beside 'endpoint:'"
            )
    if TOKEN_MATCHING in section.also:
        raise ConfigError(
            f"{name}: scorers.similarity.also: {TOKEN_MATCHING} needs the vectors of tokens, which "
            "no endpoint gives; leave it out, or run a model here"
        )


def _check_adherence(section: AdherenceSection | None, name: str) -> None:
    if section is None or section.text is None:
        return
    if section.schema_file is not None:
        raise ConfigError(
            f"{name}: scorers.adherence: an output is JSON or a text; give 'schema:' or 'text:'"
        )
    if not section.text.model_dump(exclude_defaults=True):
        raise ConfigError(
            f"{name}: scorers.adherence.text: asks for nothing; give one of "
            f"{', '.join(TextFormatSection.model_fields)}"
        )


def _check_gate(config: Config, name: str, lines: Mapping[_Path, int]) -> None:
    for number, rule in enumerate(config.gate):
        place = _place(("gate", number), name=name, lines=lines)
        if len(rule.asked) != 1:
            raise ConfigError(
                f"{place}: a rule asks one of at_least, at_most, retains, loses_at_most and "
                "saves_at_least; "
                f"this one asks {' and '.join(rule.asked) or 'none of them'}"
            )
        if bool(rule.metric) == bool(rule.metrics):
            raise ConfigError(
                f"{place}: a rule is about 'metric:', or about several 'metrics:' together; this "
                f"one names {'both' if rule.metric else 'neither'}"
            )
        if rule.saves_at_least is not None and not rule.metric.startswith("operations."):
            raise ConfigError(
                f"{place}: 'saves_at_least:' is asked of time, tokens or money, such as "
                "operations.cost"
            )
        if rule.of and rule.retains is None and rule.saves_at_least is None:
            raise ConfigError(f"{place}: 'of:' belongs to 'retains:' and 'saves_at_least:'")
        for system in filter(None, (rule.system, rule.of)):
            if config.systems and system not in config.systems:
                raise ConfigError(
                    f"{place}: there is no system {system!r}{did_you_mean(system, config.systems)}"
                    f"; the systems are: {', '.join(config.systems)}"
                )


def place_of(scorer: str) -> str:
    """Return where a config speaks of a judged scorer."""
    return f"scorers.{'' if scorer == EQUIVALENCE_SCORER else 'judged.'}{scorer}"


def _check_judged(section: JudgedSection, place: str, *, pairs: bool) -> None:
    try:
        scale = section.scale.scale
    except ValueError as error:
        raise ConfigError(f"{place}.scale: {error}") from error
    if (scale.kind is ScaleKind.PAIRWISE) != pairs:
        raise ConfigError(
            f"{place}.scale: pairs are judged on a pairwise scale, single outputs on another one"
        )
    if section.judge == "baseline" and scale != EQUIVALENCE:
        raise ConfigError(
            f"{place}.judge: the baseline judge knows one scale, "
            f"{', '.join(EQUIVALENCE.categories)}; give another judge, or leave the scale out"
        )
    if isinstance(section.judge, RecordedSection):
        _check_categories(section.judge.labels, scale, f"{place}.judge")


def _check_labels(config: Config, name: str) -> None:
    ratings = config.ratings
    if ratings is None:
        return
    if ratings.plan and ratings.sampling:
        raise ConfigError(
            f"{name}: ratings.sampling: the plan says how the rows were drawn; leave it out"
        )
    _check_categories(ratings.labels, rated_section(config)[1].scale.scale, f"{name}: ratings")


def rated_section(config: Config) -> tuple[str, JudgedSection]:
    """Return the judged scorer that people's ratings are about, by name.

    Where the ratings name no criterion, that is equivalence or else the first one.

    Raises:
        ConfigError: nothing is judged by the criterion that people rated.
    """
    judged = config.scorers.all_judged or {
        EQUIVALENCE_SCORER: JudgedSection(criterion=EQUIVALENCE_SCORER)
    }
    wanted = config.ratings.criterion if config.ratings else None
    if wanted is None or len(judged) == 1:
        return next(iter(judged.items()))
    for scorer, section in judged.items():
        if section.criterion == wanted:
            return scorer, section
    known = ", ".join(dict.fromkeys(section.criterion for section in judged.values()))
    raise ConfigError(
        f"ratings.criterion: nothing is judged by {wanted!r}; the judged criteria are: {known}"
    )


def _check_categories(labels: Mapping[LabelKey, str], scale: Scale, place: str) -> None:
    for category in labels.values():
        if category not in scale.categories:
            raise ConfigError(
                f"{place}.labels: {category!r} is not on the scale"
                f"{did_you_mean(category, scale.categories)}; its categories are: "
                f"{', '.join(scale.categories)}"
            )


def _lines_of_keys(node: yaml.Node | None, name: str) -> Mapping[_Path, int]:
    lines: dict[_Path, int] = {}
    seen: set[int] = set()

    def walk(at: yaml.Node | None, path: _Path) -> None:
        if at is None or id(at) in seen:
            return
        seen.add(id(at))
        if isinstance(at, yaml.MappingNode):
            keys: dict[object, yaml.Node] = {}
            for key, value in at.value:
                place = (*path, str(key.value))
                line = key.start_mark.line + 1
                # As Python tells keys apart: it takes `true`, `True`, `yes` and `1` for one.
                if (earlier := keys.setdefault(_key(key), key)) is not key:
                    raise ConfigError(
                        f"{name} line {line}: {'.'.join(map(str, place))} stands already on "
                        f"line {earlier.start_mark.line + 1}; keep one of the two"
                    )
                lines[place] = line
                walk(value, place)
        elif isinstance(at, yaml.SequenceNode):
            for number, value in enumerate(at.value):
                lines[(*path, number)] = value.start_mark.line + 1
                walk(value, (*path, number))

    walk(node, ())
    return lines


def _key(node: yaml.Node) -> object:
    # Anything but a scalar is no key of a config, and `<<` no key at all; YAML's loader says so.
    if not isinstance(node, yaml.ScalarNode) or node.tag == _MERGE:
        return node
    return yaml.SafeLoader("").construct_object(node)


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
    found = error.errors()
    per_branch = Counter(_branch(one["loc"]) for one in found)
    # A union reports each of its branches: what was meant is where the complaint is deepest, then
    # where complaints are fewest. And a misspelt key explains a missing one.
    worst = max(
        found,
        key=lambda one: (
            len(one["loc"]),
            -per_branch[_branch(one["loc"])],
            one["type"] == _UNKNOWN,
        ),
    )
    path = _as_written(worst, lines)
    place = _place(path, name=name, lines=lines)
    if worst["type"] == _UNKNOWN:
        known = _known_keys(worst["loc"][:-1])
        guess = did_you_mean(str(path[-1]), known)
        return f"{place}: unknown key{guess}; known here: {', '.join(known)}"
    if worst["type"] == _ABSENT:
        return f"{place}: is missing"
    alike = (one for one in found if _as_written(one, lines) == path and one["type"] != _UNKNOWN)
    said = ", or ".join(dict.fromkeys(map(_said, alike)))
    said = said.replace(f", or {_SHOULD_BE}", ", or ")
    return f"{place}: {said}; found {worst['input']!r:.100}"


def _said(error: ErrorDetails) -> str:
    """Return what pydantic says, in the words of a config."""
    if error["type"] == "model_type":
        return f"{_SHOULD_BE}a section with keys such as '{_known_keys(error['loc'])[0]}:'"
    said = _ENUM_MEMBER.sub(r"\1", error["msg"])
    return said.replace("valid dictionary", "mapping").replace("valid tuple", "list")


def _branch(location: _Path) -> _Path:
    """Return the part of a location up to the last branch of a union in it."""
    ends = [place for place, step in enumerate(location, start=1) if _is_branch(step)]
    return location[: ends[-1]] if ends else ()


def _is_branch(step: str | int) -> bool:
    return isinstance(step, str) and (step in _sections() or step.startswith("literal["))


def _as_written(error: ErrorDetails, lines: Mapping[_Path, int]) -> _Path:
    """Drop what pydantic adds to a location, such as the names of a union's branches."""
    *steps, last = error["loc"]
    path: _Path = ()
    for step in steps:
        if (*path, step) in lines:
            path = (*path, step)
    whole = (*path, last)
    return whole if whole in lines or error["type"] in {_ABSENT, _UNKNOWN} else path


def _place(path: _Path, *, name: str, lines: Mapping[_Path, int]) -> str:
    line = lines.get(path) or lines.get(path[:-1])
    where = f"{name} line {line}" if line else name
    return f"{where}: {'.'.join(map(str, path))}" if path else where


def _known_keys(location: _Path) -> list[str]:
    section: type[BaseModel] = Config
    for step in location:
        field = next((f for key, f in section.model_fields.items() if step in (key, f.alias)), None)
        if _is_branch(step):
            section = _sections().get(str(step), section)
        elif field is not None and (inner := _section_in(field.annotation)) is not None:
            section = inner
    return [field.alias or key for key, field in section.model_fields.items()]


def _sections() -> Mapping[str, type[BaseModel]]:
    return {section.__name__: section for section in _Section.__subclasses__()}


def _section_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_section_in(argument) for argument in get_args(annotation))
    return next((found for found in inner if found is not None), None)
