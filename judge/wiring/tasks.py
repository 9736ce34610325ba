"""From the task sections of a config to the scorers that work by a formula."""

from collections.abc import Iterator, Sequence

from judge.config import TaskSection
from judge.errors import ConfigError, DataError, did_you_mean
from judge.records.dataset import Dataset
from judge.records.record import Item, Target
from judge.scorers.answers import ExactMatch, TokenF1
from judge.scorers.classification import LabelAccuracy
from judge.scorers.extraction import FieldF1, unreadable_references
from judge.scorers.field_values import FieldRules
from judge.scorers.rouge import VARIANTS, Rouge
from judge.scorers.task import Comparison, TaskScorer, is_among

PLACE = "scorers.task"
_SHOWN = 5


def task_scorers(
    section: TaskSection, dataset: Dataset, targets: Sequence[Target]
) -> Iterator[TaskScorer]:
    """Make the scorers of one kind of task, once its references are known to fit it.

    Raises:
        ConfigError: labels, dates or slices that cannot be.
        DataError: references that no output could be compared with.
    """
    items = _items(section, dataset)
    comparisons = _comparisons(section)
    if Target.REFERENCE in targets:
        _check_references(section, comparisons, items)
    for target in targets:
        for comparison in comparisons:
            yield TaskScorer(comparison, target=target, only=section.slices)


def _items(section: TaskSection, dataset: Dataset) -> list[Item]:
    known = dataset.slice_values
    for dimension in section.slices:
        if dimension not in known:
            raise ConfigError(
                f"{PLACE}.slices: unknown slice {dimension!r}{did_you_mean(dimension, known)}; "
                f"the set has: {', '.join(known) or 'none'}"
            )
    return [item for item in dataset.items if is_among(item.slices, section.slices)]


def _comparisons(section: TaskSection) -> Sequence[Comparison]:
    try:
        match section.kind:
            case "qa":
                return (ExactMatch(), TokenF1())
            case "summarization":
                return tuple(Rouge(variant, stemmer=section.stemmer) for variant in VARIANTS)
            case "classification":
                labels = [str(label) for label in section.labels]
                return (
                    LabelAccuracy(labels, place=section.place, ignore_case=section.ignore_case),
                )
            case "extraction":
                return (FieldF1(_rules(section)),)
    except ConfigError as error:
        raise ConfigError(f"{PLACE}: {error}") from error


def _rules(section: TaskSection) -> FieldRules:
    return FieldRules(
        ignore_case=section.ignore_case,
        decimal_mark=section.decimal_mark,
        decimals=section.decimals,
        dates=section.dates,
        lists=section.lists,
    )


def _check_references(
    section: TaskSection, comparisons: Sequence[Comparison], items: Sequence[Item]
) -> None:
    for comparison in comparisons:
        if isinstance(comparison, LabelAccuracy):
            wrong, what = comparison.off_labels(items), "is none of the labels"
        elif isinstance(comparison, FieldF1):
            wrong, what = unreadable_references(items), "is no JSON document"
        else:
            continue
        if wrong:
            named = ", ".join(map(repr, wrong[:_SHOWN]))
            more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
            raise DataError(
                f"{PLACE}: kind: {section.kind}: the reference of {named}{more} {what}; mend it, "
                f"or say which items are of this kind: slices: {{task: {section.kind}}}"
            )
