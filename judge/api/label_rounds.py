"""Rounds of labelling: which outputs of a job people are asked about, and what they said."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from judge.api.labelling import plan_labels
from judge.api.project import Project
from judge.errors import ConfigError
from judge.records.planned import PlannedRow, parts_labelled
from judge.results.run import RunManifest
from judge.results.store import DocumentStore, Store
from judge.trust.planning import Wishes

_ROUND = "label_round/"
_LABELS = "label_round_labels/"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTerms:
    """How a round of labelling goes.

    Attributes:
        labels: outputs to be drawn; None takes what the judge's standing needs.
        overlap: share of the outputs, in [0, 1], that several people label.
        raters: how many label each of those; of the others, one.
        lease_s: how long a row stays with the rater who was given it.
        seed: of the draw.
    """

    labels: int | None = None
    overlap: float = 0.2
    raters: int = 2
    lease_s: float = 900.0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRow:
    """An output that people are asked about.

    Attributes:
        wanted: how many people label it; who labelled this text before counts.
    """

    planned: PlannedRow
    input: str
    against: str
    output: str
    wanted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRound:
    """What is asked of people about a job.

    Attributes:
        categories: of the scale, worst first.
        rows: in an order that tells nothing; what is labelled so far is a random part.
    """

    job_id: str
    terms: RoundTerms
    categories: tuple[str, ...]
    rows: tuple[RoundRow, ...]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a rater said of a row, last.

    Attributes:
        label: a category; empty where it was skipped or taken back.
        comment: in the rater's words; the reason, where it was skipped.
        seconds: that the rater took.
        at: ISO 8601, in UTC.
    """

    task: str
    rater: str
    label: str = ""
    comment: str = ""
    skipped: bool = False
    seconds: float = 0.0
    at: str = ""

    @property
    def is_answer(self) -> bool:
        """Whether the row is done for this rater."""
        return bool(self.label) or self.skipped


def begin_round(
    project: Project, store: Store, run: RunManifest, *, job_id: str, terms: RoundTerms
) -> LabelRound:
    """Draw the outputs of a job that people are asked about, in the place of an earlier draw.

    An output has one random number for good: a larger draw holds what was labelled already.

    Raises:
        ConfigError: nothing was judged, or outputs that have labels were not drawn again.
    """
    wishes = Wishes(labels=terms.labels, raters=(), seed=terms.seed)
    plan = plan_labels(project, store, wishes, run=run)
    drawn = {row.task for row in plan.rows}
    lost = {one.task for one in said_in(store, job_id) if one.is_answer} - drawn
    if lost:
        raise ConfigError(
            f"{len(lost)} outputs that were labelled are not among those; ask for more labels, and "
            "keep the seed"
        )
    rows = []
    for place, planned in enumerate(plan.rows):
        record = project.dataset.record(planned.key)
        rows.append(
            RoundRow(
                planned=planned,
                input=record.input,
                against="\n\nor:\n\n".join(record.answers(planned.target)),
                output=record.output or "",
                wanted=terms.raters if _overlaps(place, terms.overlap) else 1,
            )
        )
    found = LabelRound(
        job_id=job_id, terms=terms, categories=plan.measure.categories, rows=tuple(rows)
    )
    store.put_document(f"{_ROUND}{job_id}", job_id, msgspec.json.encode(found))
    return found


def round_of(store: DocumentStore, job_id: str) -> LabelRound | None:
    """Return what people are asked about a job; None where they are not."""
    kept = store.documents(f"{_ROUND}{job_id}")
    return msgspec.json.decode(kept[-1], type=LabelRound) if kept else None


def keep_said(store: DocumentStore, job_id: str, said: Said) -> None:
    """Keep the last word of a rater on a row."""
    name = msgspec.json.encode([said.task, said.rater]).decode()
    store.put_document(f"{_LABELS}{job_id}", name, msgspec.json.encode(said))


def said_in(store: DocumentStore, job_id: str) -> Sequence[Said]:
    """Return the last word of each rater on each row of a job."""
    bodies = store.documents(f"{_LABELS}{job_id}")
    return [msgspec.json.decode(body, type=Said) for body in bodies]


def round_ratings(
    store: DocumentStore, job_id: str
) -> Sequence[Mapping[str, bool | int | float | str]]:
    """Return the labels of a round as ratings that name their records.

    The chance of each is that of the draw, times the part of its stratum that has a label by now:
    rows are given out in random order.
    """
    labelled = [one for one in said_in(store, job_id) if one.label]
    if not labelled or (found := round_of(store, job_id)) is None:
        return []
    planned = {row.planned.task: row.planned for row in found.rows}
    parts = parts_labelled(planned, {one.task for one in labelled})
    return [
        {
            "id": row.key.item_id,
            "system": row.key.system,
            "rater": one.rater,
            "label": one.label,
            "source": "human",
            "blind": True,
            "criterion": row.criterion,
            "target": row.target.value,
            "inclusion_probability": row.inclusion_probability * parts[one.task],
            "output_hash": row.output_hash,
            "seconds": one.seconds,
            "comment": one.comment,
        }
        for one in labelled
        if (row := planned.get(one.task)) is not None
    ]


def progress_of(found: LabelRound, said: Sequence[Said]) -> tuple[int, int]:
    """Return how many labels a round has of those it wants."""
    counts = Counter(one.task for one in said if one.label)
    wanted = {row.planned.task: _left(row) for row in found.rows}
    return sum(min(counts[task], n) for task, n in wanted.items()), sum(wanted.values())


def _left(row: RoundRow) -> int:
    return max(0, row.wanted - len(row.planned.kept))


def _overlaps(place: int, share: float) -> bool:
    """Whether the row at a place is one of those that several label: evenly, one in 1 / share."""
    return int((place + 1) * share + 1e-9) > int(place * share + 1e-9)
