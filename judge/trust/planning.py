"""A labelling plan: which outputs people are asked about, and how long that keeps them busy."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from judge.errors import ConfigError
from judge.records.planned import PlannedRow
from judge.records.rating import text_hash
from judge.records.record import Record, RecordKey
from judge.records.strict_json import dump_json
from judge.results.run import Measure
from judge.stats.estimate import Undefined
from judge.trust.draw import draw, fewest_labels, strata_of
from judge.trust.gold import GoldLabel
from judge.trust.needs import Aim, Known, Need, Rates, needs_of, smallest_margin

_SECONDS_AN_HOUR = 3600
_TASK_DIGITS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a plan is to reach.

    Attributes:
        labels: to be drawn; None takes what the half-width and the judge's standing take.
        half_width: of each system's share of passes, in (0, .5).
        margin: share of the teacher's quality to be kept, in (0, 1).
        raters: who is asked, each about every row; empty for one whose name is not known yet.
        seconds_per_label: that a rater takes.
        seed: of the draw.
    """

    labels: int | None = None
    half_width: float = 0.05
    margin: float = 0.9
    raters: tuple[str, ...] = ()
    seconds_per_label: float = 60.0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPlan:
    """Which outputs people are asked about.

    Attributes:
        rows: what was drawn, in an order that tells nothing.
        outputs: of each system, that rows were drawn from.
        needs: how many labels it takes to reach what is wished for.
        margins: by student, the share of the teacher's quality that these labels could confirm if
            the student is as good.
        rates: of the judge, that the numbers rest on.
        min_items: rated items that a standing needs.
    """

    measure: Measure
    rows: tuple[PlannedRow, ...]
    outputs: Mapping[str, int]
    needs: tuple[Need, ...]
    margins: Mapping[str, float | Undefined]
    rates: Rates
    min_items: int
    raters: tuple[str, ...]
    seconds_per_label: float

    @property
    def asked(self) -> tuple[tuple[str, PlannedRow], ...]:
        """Who is asked about which row: all rows of one rater, then those of the next.

        A row gets as many raters as are named; those who labelled it before count.
        """
        found = []
        for rater in self.raters or ("",):
            for row in self.rows:
                others = [name for name in self.raters or ("",) if name not in row.kept]
                wanted = max(1, len(self.raters)) - len(row.kept)
                if rater in others[: max(0, wanted)]:
                    found.append((rater, row))
        return tuple(found)

    @property
    def n_items(self) -> int:
        """Different items among the rows."""
        return len({row.key.item_id for row in self.rows})

    @property
    def kept(self) -> int:
        """Rows that keep a label."""
        return sum(bool(row.kept) for row in self.rows)

    @property
    def hours(self) -> float:
        """Of all raters together."""
        return len(self.asked) * self.seconds_per_label / _SECONDS_AN_HOUR


def draw_labels(
    known: Known,
    wishes: Wishes,
    *,
    cosines: Mapping[RecordKey, float],
    kept: Mapping[RecordKey, GoldLabel],
) -> LabelPlan:
    """Draw the outputs to be labelled, and say what their labels would be good for.

    Args:
        known: before anybody labels.
        wishes: what the labels are for.
        cosines: similarity to the same answers; empty where it was not measured.
        kept: labels of texts that are still the same.

    Raises:
        ConfigError: nothing counts for the measure, or so few labels leave a stratum without.
    """
    if not known.records:
        raise ConfigError(f"no output counts for {known.measure.metric}: nothing is to be labelled")
    needs = needs_of(known, half_width=wishes.half_width, margin=wishes.margin)
    labels = _labels(known, needs, wishes)
    strata = strata_of(known.records, known.outcomes, cosines, labels=labels)
    fewest = fewest_labels(strata)
    if wishes.labels is not None and wishes.labels < fewest:
        raise ConfigError(
            f"{wishes.labels} labels leave a verdict of a system without any; "
            f"it takes {fewest}: --labels {fewest}"
        )
    texts = {record.key: text_hash(record.output) for record in known.records}
    rows = [
        PlannedRow(
            task=_task(one.key, texts[one.key], seed=wishes.seed),
            key=one.key,
            criterion=known.measure.criterion,
            target=known.measure.target,
            output_hash=texts[one.key],
            stratum=one.stratum.name,
            inclusion_probability=one.chance,
            kept=_kept(kept.get(one.key)),
        )
        for one in draw(strata, labels=max(labels, fewest), seed=wishes.seed)
    ]
    return LabelPlan(
        measure=known.measure,
        rows=tuple(sorted(rows, key=lambda row: row.task)),
        outputs={system: _count(known.records, system) for system in known.systems},
        needs=needs,
        margins={
            student: smallest_margin(known, student, pairs=_pairs(rows, student, known.teacher))
            for student in known.students
        },
        rates=known.rates,
        min_items=known.thresholds.min_items,
        raters=wishes.raters,
        seconds_per_label=wishes.seconds_per_label,
    )


def _labels(known: Known, needs: Sequence[Need], wishes: Wishes) -> int:
    if wishes.labels is not None:
        return min(wishes.labels, len(known.records))
    widths = sum(_number(need) for need in needs if need.aim is Aim.HALF_WIDTH)
    standing = max(_number(need) for need in needs if need.aim is Aim.STANDING)
    return min(len(known.records), max(widths, standing, known.fewest_for_items))


def _number(need: Need) -> int:
    """Return what an aim takes with a judge; without one where that is not known, else nothing."""
    found = (need.with_judge, need.alone)
    return next((labels for labels in found if isinstance(labels, int)), 0)


def _task(key: RecordKey, output_hash: str, *, seed: int) -> str:
    # Not the number that rows are drawn by: by that, likelier rows would stand later in the file.
    parts = dump_json([seed, "task", key.item_id, key.system, output_hash])
    # A letter first, so that no spreadsheet takes it for a number.
    return "t" + hashlib.sha256(parts.encode()).hexdigest()[:_TASK_DIGITS]


def _kept(label: GoldLabel | None) -> Mapping[str, str]:
    if label is None:
        return {}
    return label.ratings or {"earlier": label.label}


def _count(records: Sequence[Record], system: str) -> int:
    return sum(record.system == system for record in records)


def _pairs(rows: Sequence[PlannedRow], student: str, teacher: str) -> int:
    items: Iterator[set[str]] = (
        {row.key.item_id for row in rows if row.key.system == system}
        for system in (student, teacher)
    )
    return len(set.intersection(*items))
