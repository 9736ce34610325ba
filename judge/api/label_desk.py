"""Giving out the rows of a round of labelling, so that two people label the same one on purpose."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock

from judge.api.label_rounds import LabelRound, RoundRow, Said, keep_said, round_of, said_in
from judge.errors import DataError, LeaseExpired, RatingConflict
from judge.results.store import DocumentStore, timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterRow:
    """A row as its rater sees it: nothing in it gives system or verdict away.

    Attributes:
        number: its place among all rows, by which it is asked for.
        place: among the rows of this rater, from 1.
        of: rows that this rater has and can still be given.
        done: of them, those with a label or skipped.
        skips: of these, those that were skipped.
        before: number of the row of this rater that stands before it; None for the first.
        after: of the one behind it; None where there is none, or it is yet to be given.
        more: whether another row can be given to this rater.
    """

    number: int
    place: int
    of: int
    done: int
    skips: int
    input: str
    against: str
    output: str
    label: str
    comment: str
    skipped: bool
    before: int | None
    after: int | None
    more: bool


class LabelDesk:
    """Gives rows to raters, each for a time, and takes their labels.

    A row is with one rater, or with as many as the round wants of it. Whoever lets the time pass
    loses it to the next who asks. Leases are in memory: after a restart rows are given out anew.

    Args:
        store: of rounds and labels.
        clock: the time in seconds, which only grows.
    """

    def __init__(
        self, store: DocumentStore, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._clock = clock
        self._until: dict[tuple[str, str, str], float] = {}
        self._lock = Lock()

    def round_of(self, job_id: str) -> LabelRound | None:
        """Return what people are asked about a job; None where they are not."""
        return round_of(self._store, job_id)

    def first_open(self, found: LabelRound, rater: str) -> RaterRow | None:
        """Return the row a rater goes on with, given out now if need be; None where all is done."""
        with self._lock:
            view = self._view(found, rater)
            undone = [n for n in view.mine if not view.is_done(n)]
            if undone:
                return self._shown(view, undone[0])
            free = view.free
            if free:
                return self._shown(view, free[0])
            return self._shown(view, view.mine[-1]) if view.mine else None

    def next_new(self, found: LabelRound, rater: str) -> RaterRow:
        """Give a rater another row.

        Raises:
            LeaseExpired: none is left.
        """
        with self._lock:
            view = self._view(found, rater)
            if not view.free:
                raise LeaseExpired("no row is left for you: all others are done or with others")
            return self._shown(view, view.free[0])

    def row(self, found: LabelRound, rater: str, number: int) -> RaterRow:
        """Return a row that was given to a rater; it stays theirs for as long again.

        Raises:
            LeaseExpired: it was not given to them, or is with another by now.
            IndexError: there is none.
        """
        with self._lock:
            view = self._view(found, rater)
            self._check_given(view, number)
            return self._shown(view, number)

    def fill_in(self, found: LabelRound, number: int, said: Said, *, replace: bool) -> RaterRow:
        """Keep what a rater says of a row; it is on the disk when this returns.

        Args:
            found: the round.
            number: which row.
            said: label, comment, and by whom; the rest is known here.
            replace: whether an earlier word is taken back; an empty label takes it back alone.

        Raises:
            DataError: the label is off the scale, or a row is skipped without a reason.
            RatingConflict: the rater has labelled the row, and does not take that back.
            LeaseExpired: the row is not with this rater.
            IndexError: there is no such row.
        """
        if said.label and said.label not in found.categories:
            raise DataError(f"{said.label!r} is not on the scale: {', '.join(found.categories)}")
        if said.skipped and (said.label or not said.comment.strip()):
            raise DataError("a row is skipped without a label and for a reason")
        with self._lock:
            view = self._view(found, said.rater)
            self._check_given(view, number)
            if view.is_done(number) and not replace:
                raise RatingConflict(
                    "you have labelled this row already; go back to it to change your label"
                )
            task = found.rows[number].planned.task
            keep_said(
                self._store,
                found.job_id,
                Said(
                    task=task,
                    rater=said.rater,
                    label=said.label,
                    comment=said.comment,
                    skipped=said.skipped,
                    seconds=round(said.seconds, 1),
                    at=timestamp(),
                ),
            )
            return self._shown(self._view(found, said.rater), number)

    def _check_given(self, view: "_View", number: int) -> None:
        if not 0 <= number < len(view.found.rows):
            raise IndexError(number)
        if number in view.mine:
            return
        key = (view.found.job_id, view.found.rows[number].planned.task, view.rater)
        if key not in self._until or not view.has_room(number):
            raise LeaseExpired("this row is not with you, or not any more; go on with the next one")

    def _shown(self, view: "_View", number: int) -> RaterRow:
        row = view.found.rows[number]
        if not view.is_done(number):
            key = (view.found.job_id, row.planned.task, view.rater)
            self._until[key] = self._clock() + view.found.terms.lease_s
            view = self._view(view.found, view.rater)
        mine = view.mine
        place = mine.index(number)
        said = view.said.get(row.planned.task, {}).get(view.rater, Said(task="", rater=""))
        answers = [one for n in mine if (one := view.word(n)) is not None]
        return RaterRow(
            number=number,
            place=place + 1,
            of=len(mine) + len(view.free),
            done=len(answers),
            skips=sum(one.skipped for one in answers),
            input=row.input,
            against=row.against,
            output=row.output,
            label=said.label,
            comment=said.comment,
            skipped=said.skipped,
            before=mine[place - 1] if place else None,
            after=mine[place + 1] if place + 1 < len(mine) else None,
            more=bool(view.free),
        )

    def _view(self, found: LabelRound, rater: str) -> "_View":
        said: dict[str, dict[str, Said]] = {}
        for one in said_in(self._store, found.job_id):
            said.setdefault(one.task, {})[one.rater] = one
        now = self._clock()
        held: dict[str, set[str]] = {}
        for (job_id, task, holder), until in self._until.items():
            if job_id == found.job_id and until > now:
                held.setdefault(task, set()).add(holder)
        return _View(found, rater, said, held)


class _View:
    """How a round stands for one rater at one moment."""

    def __init__(
        self,
        found: LabelRound,
        rater: str,
        said: Mapping[str, Mapping[str, Said]],
        held: Mapping[str, set[str]],
    ) -> None:
        self.found = found
        self.rater = rater
        self.said = said
        self._held = held
        numbers = range(len(found.rows))
        self.mine = [
            n for n in numbers if self.is_done(n) or rater in held.get(self._task(n), set())
        ]
        mine = set(self.mine)
        self.free = [n for n in numbers if n not in mine and self.has_room(n)]

    def word(self, number: int) -> Said | None:
        """Return what the rater said of a row; None where it is open."""
        one = self.said.get(self._task(number), {}).get(self.rater)
        return one if one is not None and one.is_answer else None

    def is_done(self, number: int) -> bool:
        """Whether the rater has labelled or skipped a row."""
        return self.word(number) is not None

    def has_room(self, number: int) -> bool:
        """Whether the rater can be given a row: fewer others have or had it than are wanted."""
        row: RoundRow = self.found.rows[number]
        if self.rater in row.planned.kept:
            return False
        labelled = {name for name, one in self.said.get(row.planned.task, {}).items() if one.label}
        # Whoever skipped a row does not count: another is asked in their place.
        taken = {*row.planned.kept, *labelled, *self._held.get(row.planned.task, set())}
        skipped = {name for name, one in self.said.get(row.planned.task, {}).items() if one.skipped}
        return len(taken - skipped - {self.rater}) < row.wanted

    def _task(self, number: int) -> str:
        return self.found.rows[number].planned.task
