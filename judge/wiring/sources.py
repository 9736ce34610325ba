"""From a config to the files it names and the thresholds it sets."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from judge.config import (
    AdherenceSection,
    Config,
    RatingsSection,
    TrustSection,
    read_config,
)
from judge.errors import ConfigError, DataError, did_you_mean
from judge.records.dataset import Dataset
from judge.records.rating import LabelSource, RatingSource
from judge.records.reading import ItemSource, OutputSource, read_dataset, read_pairs, read_schema
from judge.records.record import System, Target
from judge.records.rows import Row
from judge.records.scale import Scale
from judge.scorers.schema_check import SchemaRules
from judge.scorers.text_format import TextFormat, text_schema
from judge.trust.agreement import figure_names
from judge.trust.certificate import TrustThresholds, default_primary

RANDOM_SAMPLING = "random"
_CHANCE = "inclusion_probability"


Outputs: TypeAlias = Mapping[str, Mapping[str, str]]
"""Answers by system and item."""

NONE_GIVEN: Outputs = MappingProxyType({})


def read_everything(config: Config, folder: Path, *, given: Outputs = NONE_GIVEN) -> Dataset:
    """Read the whole set a config names, before any selection.

    Args:
        config: names the set.
        folder: of the config.
        given: answers in place of the files of their systems.

    Raises:
        ConfigError: there is no such system.
        DataError: a file, or what was given, cannot be used.
    """
    for name in given:
        if name not in config.systems:
            raise ConfigError(
                f"there is no system {name!r}{did_you_mean(name, config.systems)}; "
                f"the config has: {', '.join(config.systems) or 'none, but pairs'}"
            )
    if config.dataset.pairs is not None:
        return read_pairs(item_source(config, folder))
    found = read_dataset(item_source(config, folder), output_sources(config, folder, given=given))
    known = found.item_ids
    for name, answers in given.items():
        if unknown := sorted(answers.keys() - known):
            raise DataError(f"{name} was given an output for the unknown item {unknown[0]!r}")
    return found


def read_items_of(path: Path) -> Dataset:
    """Read the items and systems of a config, without the systems' answers.

    Raises:
        InputError: the config or the items cannot be used.
    """
    config, _ = read_config(path)
    nothing: Outputs = {name: {} for name in config.systems}
    return read_everything(config, path.parent, given=nothing)


def item_source(config: Config, folder: Path) -> ItemSource:
    """Return the file of items, or of pairs, and how it reads."""
    section, adherence = config.dataset, config.scorers.adherence
    schema = ""
    if adherence is not None and adherence.schema_file:
        schema = read_schema(folder / adherence.schema_file, place="scorers.adherence.schema")
    if adherence is not None and adherence.text is not None:
        schema = text_schema(TextFormat(**adherence.text.model_dump()))
    return ItemSource(
        path=folder / (section.items or section.pairs or ""),
        fields=section.fields,
        alternatives=section.alternatives,
        cluster=section.cluster,
        slices=config.slices,
        schema=schema,
    )


def schema_rules(section: AdherenceSection, folder: Path) -> SchemaRules:
    """Return how the schemas of a project are read.

    Raises:
        DataError: a schema of the bundle cannot be read.
    """
    return SchemaRules(
        assert_formats=section.formats,
        dialect=section.dialect,
        bundle={
            uri: read_schema(folder / path, place=f"scorers.adherence.bundle.{uri}")
            for uri, path in section.bundle.items()
        },
    )


def output_sources(
    config: Config, folder: Path, *, given: Outputs = NONE_GIVEN
) -> tuple[OutputSource, ...]:
    """Return each system's file of answers and how it reads, or the answers that are given."""
    return tuple(
        OutputSource(
            system=System(
                name=name, role=part.role, parameters=part.parameters, family=part.family
            ),
            path=folder / part.outputs,
            # Answers are keyed by the items' own id column unless they say otherwise.
            fields={**id_field(config.dataset.fields), **part.fields},
            given=given.get(name),
        )
        for name, part in config.systems.items()
    )


def id_field(fields: Mapping[str, str]) -> dict[str, str]:
    """Return how the column of ids is called, where the items call it otherwise than we do."""
    return {"id": fields["id"]} if "id" in fields else {}


def rating_source(
    section: RatingsSection,
    folder: Path,
    fields: Mapping[str, str],
    *,
    criterion: str,
    target: Target,
    quoted: Sequence[str],
) -> RatingSource:
    """Return the file of ratings and how it reads."""
    column = section.sampling if section.sampling != RANDOM_SAMPLING else None
    return RatingSource(
        path=folder / section.path,
        fields={**id_field(fields), **section.fields},
        labels=section.labels,
        criterion=criterion,
        target=target,
        source=section.source,
        blind=section.blind,
        random=section.sampling == RANDOM_SAMPLING,
        probability_field=column or "",
        plan=folder / section.plan if section.plan else None,
        quoted=frozenset(quoted),
    )


def asked_by(row: Row) -> RatingsSection:
    """Return what people are asked where no config says it, by a rating that was sent."""
    criterion, target = (row.text(n) if row.has(n) else None for n in ("criterion", "target"))
    return RatingsSection.model_validate(
        {"path": "", "criterion": criterion, "target": target, "source": LabelSource.HUMAN}
    )


def sent_source(asked: RatingSource, rows: Sequence[Row]) -> RatingSource:
    """Return ratings that were sent as a source of answers to what others were asked, too.

    Each row says itself where it comes from and whether the rater was blind. With what chance
    records were drawn is known where every row says it.
    """
    known = all(row.has(_CHANCE) for row in rows)
    return RatingSource(
        path=rows[0].path,
        fields={},
        labels={},
        criterion=asked.criterion,
        target=asked.target,
        source=LabelSource.HUMAN,
        blind=False,
        random=False,
        probability_field=_CHANCE if known else "",
        quoted=asked.quoted,
        rows=tuple(rows),
    )


def thresholds(section: TrustSection, scale: Scale) -> TrustThresholds:
    """Return what a judge must reach on a scale."""
    known = figure_names(scale)
    if section.primary is not None and section.primary.value not in known:
        raise ConfigError(
            f"trust.primary: {section.primary.value} does not exist on a {scale.kind.value} scale "
            f"of {len(scale.categories)}; there are: {', '.join(known)}"
        )
    return TrustThresholds(
        primary=section.primary or default_primary(scale),
        at_least=section.at_least,
        delta_max=section.delta_max,
        max_bias=section.max_bias,
        min_items=section.min_items,
        min_class=section.min_class,
        valid_days=section.valid_days,
        max_shift=section.max_shift,
        sentinels=section.sentinels,
        sentinel_disagreement=section.sentinel_disagreement,
        epsilon=section.epsilon,
        max_null_pass=section.max_null_pass,
        max_attack_success=section.max_attack_success,
    )
