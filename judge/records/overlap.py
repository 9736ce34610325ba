"""Which evaluation texts stand in training files, in whole or nearly, and where."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from judge.errors import DataError
from judge.records.dataset import Dataset
from judge.records.shingles import SHINGLE_WORDS, ShingleIndex
from judge.records.training import Passage, Unread, read_training
from judge.records.words import runs_of_words, words_of

UNREAD_SHOWN = 5

_BATCH_WORDS = 1 << 16


class Likeness(StrEnum):
    """How an evaluation text and a training text are alike, the strongest first."""

    EXACT = "exact"
    """Character for character."""
    NORMALISED = "normalised"
    """The same words: case, spaces, punctuation and Unicode forms apart."""
    NEAR = "near"
    """Most word shingles are the same."""
    CONTAINED = "contained"
    """A stretch of the training text has most of the evaluation text's word shingles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapRules:
    """What counts as overlap.

    Attributes:
        near: Jaccard index of the sets of word shingles from which on texts are near duplicates.
            A near duplicate has at most one and a half times the words.
        contained: share of an evaluation text's shingles that a stretch of a training text must
            have, one and a half times as long at most. Two texts of one length with a Jaccard
            index of J share 2 J / (1 + J) of their shingles: 8/9 where J is .8.
        min_words: a text with fewer says too little: who has it need not have it from here.
        min_contained_words: the same of a text that is only contained.
        template_share: word shingles in more than this share of the evaluation set's clusters,
            and in ten at least, are its template, and count nowhere.
    """

    near: float = 0.8
    contained: float = 8 / 9
    min_words: int = 5
    min_contained_words: int = 8
    template_share: float = 0.2

    def __post_init__(self) -> None:
        shares = (self.near, self.contained, self.template_share)
        if not all(0 < share <= 1 for share in shares) or self.min_words < SHINGLE_WORDS:
            raise ValueError(
                f"shares must be in (0, 1], and min_words at least {SHINGLE_WORDS}: {self}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationText:
    """A text of the evaluation set that training must not have had.

    Attributes:
        part: input, reference, or ``output of NAME``.
        cluster: of its item: texts of one cluster may share passages of their own.
    """

    item_id: str
    part: str
    text: str
    cluster: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An evaluation text that stands in a training file.

    Attributes:
        likeness: the strongest found in the file.
        similarity: 1 for the same words; else as `OverlapRules` has it, the largest found.
        line: where the strongest stands first.
        column: the same; empty in running text.
        times: how often the text was found in the file, in whatever likeness.
    """

    item_id: str
    part: str
    likeness: Likeness
    similarity: float
    file: Path
    line: int
    column: str
    times: int

    @property
    def place(self) -> str:
        """Return where the text stands, in words."""
        column = f", column {self.column!r}" if self.column else ""
        return f"{self.file} line {self.line}{column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedFile:
    """What was searched of a training file.

    Attributes:
        texts: read.
        unread: rows that could not be read.
        first_unread: the first of these.
    """

    file: Path
    texts: int
    unread: int
    first_unread: tuple[Unread, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """What evaluation and training have in common.

    Attributes:
        leaks: evaluation texts that training had.
        generic: the same of texts too short to say where they are from; no leaks.
        texts: evaluation texts looked for.
        only_whole: those of them that say too little beside the set's template, or are too short,
            to be looked for other than as a whole.
        files: what was searched.
    """

    leaks: tuple[Finding, ...]
    generic: tuple[Finding, ...]
    texts: int
    only_whole: int
    files: tuple[SearchedFile, ...]

    @property
    def leaked_items(self) -> tuple[str, ...]:
        """Ids of the items with a leak, each once."""
        return tuple(dict.fromkeys(finding.item_id for finding in self.leaks))


def evaluation_texts(dataset: Dataset, *, outputs: Sequence[str] = ()) -> Iterator[EvaluationText]:
    """Yield the texts of a set: inputs, references, and the answers of some systems.

    Args:
        dataset: the set.
        outputs: systems whose answers students could have been trained on, usually the teacher.
    """
    for item in dataset.items:
        answers = (
            (f"output of {name}", dataset.outputs[name].get(item.item_id)) for name in outputs
        )
        found = (("input", item.input), *(("reference", one) for one in item.references), *answers)
        for part, text in found:
            if text:
                yield EvaluationText(
                    item_id=item.item_id, part=part, text=text, cluster=item.cluster
                )


def find_overlap(
    texts: Iterable[EvaluationText],
    files: Sequence[Path],
    *,
    columns: Sequence[str] = (),
    rules: OverlapRules | None = None,
    on_batch: Callable[[Path, int], None] | None = None,
) -> Overlap:
    """Look for evaluation texts in training files, in memory that does not grow with the files.

    Whatever reaches the rules is found: no sampling is involved.

    Args:
        texts: what to look for.
        files: as `read_training` reads them.
        columns: only these columns of the files; empty for all.
        rules: what counts.
        on_batch: told now and then of the file and the line that the search has reached.

    Raises:
        DataError: nothing to look for, or a file that cannot be searched.
    """
    search = _Search(tuple(texts), rules or OverlapRules())
    searched = []
    for file in files:
        tally = _FileTally(file)
        for one in read_training(file, columns=columns):
            if isinstance(one, Unread):
                tally.unread.append(one)
            elif search.add(one, tally) and on_batch is not None:
                on_batch(file, one.line)
        search.flush(tally, last=True)
        searched.append(tally)
    return search.result(searched)


@dataclass(slots=True)
class _Found:
    """The strongest likeness of one evaluation text in one file so far."""

    likeness: Likeness
    similarity: float
    line: int
    column: str
    times: int = 1

    def add(self, other: "_Found") -> None:
        times = self.times + 1
        if (_RANK[other.likeness], -other.similarity) < (_RANK[self.likeness], -self.similarity):
            self.likeness, self.similarity = other.likeness, other.similarity
            self.line, self.column = other.line, other.column
        self.times = times


_RANK = {likeness: rank for rank, likeness in enumerate(Likeness)}


class _FileTally:
    """What was found in one file: bounded by what is looked for, not by the file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.texts = 0
        self.unread = _Counted()
        self.found: dict[str, _Found] = {}

    def add(self, text: str, found: _Found) -> None:
        known = self.found.setdefault(text, found)
        if known is not found:
            known.add(found)


class _Counted:
    """How many rows were not read, and the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[Unread] = []

    def append(self, one: Unread) -> None:
        self.count += 1
        if len(self.first) < UNREAD_SHOWN:
            self.first.append(one)


class _Search:
    """Looks for texts in passages, some thousand words of them at once.

    Texts with the same words are one entry; its spellings are those texts.
    """

    def __init__(self, texts: Sequence[EvaluationText], rules: OverlapRules) -> None:
        self._rules = rules
        self._texts = texts
        self._spellings: dict[str, dict[str, None]] = defaultdict(dict)
        clusters: dict[str, str] = {}
        for one in texts:
            key = " ".join(words_of(one.text))
            if key:
                self._spellings[key][one.text] = None
                clusters.setdefault(key, one.cluster)
        if not self._spellings:
            raise DataError("no item has a text with words in it: there is nothing to look for")
        self._keys = list(self._spellings)
        self._entries = {key: entry for entry, key in enumerate(self._keys)}
        self._lengths = [key.count(" ") + 1 for key in self._keys]
        self._longest = max(self._lengths)
        long = [
            key.split() if n >= rules.min_words else []
            for key, n in zip(self._keys, self._lengths, strict=True)
        ]
        self._index = ShingleIndex(
            long,
            list(clusters.values()),
            near=rules.near,
            contained=rules.contained,
            at_least=rules.min_words - SHINGLE_WORDS + 1,
            template_share=rules.template_share,
        )
        self._batch_words = max(_BATCH_WORDS, 4 * self._index.longest_span)
        self._places: list[Passage] = []
        self._words: list[list[str]] = []
        self._count = 0
        self._fresh = 0
        self._whole: set[tuple[int, int]] = set()

    def add(self, passage: Passage, tally: _FileTally) -> bool:
        """Take a passage, and say whether a batch was searched."""
        tally.texts += 1
        for words in runs_of_words(passage.text):
            if not words:
                continue
            if len(words) <= self._longest:
                self._compare_whole(words, passage, tally)
            self._places.append(passage._replace(text=""))  # its words are kept instead
            self._words.append(words)
            self._count += len(words) + 1
        if self._count < self._batch_words:
            return False
        self.flush(tally)
        return True

    def flush(self, tally: _FileTally, *, last: bool = False) -> None:
        """Search what was taken, and keep the end of a row that goes on."""
        rows = [passage.row for passage in self._places]
        for one in self._index.repeats(self._words, rows, fresh=self._fresh, whole=self._whole):
            likeness = Likeness.NEAR if one.near else Likeness.CONTAINED
            self._tell(one.text, likeness, one.similarity, self._places[one.passage], tally)
        kept = 0 if last else self._kept()
        start = len(self._places) - kept
        span = self._index.longest_span
        self._places = self._places[start:]
        self._words = [words[-span:] for words in self._words[start:]]
        self._fresh, self._count = kept, 0
        self._whole.clear()

    def result(self, tallies: Sequence[_FileTally]) -> Overlap:
        """Return what was found, in the order of the evaluation texts and the files."""
        leaks: list[Finding] = []
        generic: list[Finding] = []
        for one in self._texts:
            for tally in tallies:
                found = tally.found.get(one.text)
                if found is not None:
                    finding = Finding(
                        item_id=one.item_id,
                        part=one.part,
                        likeness=found.likeness,
                        similarity=found.similarity,
                        file=tally.file,
                        line=found.line,
                        column=found.column,
                        times=found.times,
                    )
                    (leaks if self._tells_much(one.text, found.likeness) else generic).append(
                        finding
                    )
        looked_for = {
            spelling
            for entry, key in enumerate(self._keys)
            if self._index.looks_for(entry)
            for spelling in self._spellings[key]
        }
        return Overlap(
            leaks=tuple(leaks),
            generic=tuple(generic),
            texts=len(self._texts),
            only_whole=sum(one.text not in looked_for for one in self._texts),
            files=tuple(
                SearchedFile(
                    file=tally.file,
                    texts=tally.texts,
                    unread=tally.unread.count,
                    first_unread=tuple(tally.unread.first),
                )
                for tally in tallies
            ),
        )

    def _compare_whole(self, words: Sequence[str], passage: Passage, tally: _FileTally) -> None:
        entry = self._entries.get(" ".join(words))
        if entry is not None:
            self._whole.add((len(self._places), entry))
            self._tell(entry, Likeness.NORMALISED, 1.0, passage, tally)

    def _tell(
        self, entry: int, likeness: Likeness, similarity: float, passage: Passage, tally: _FileTally
    ) -> None:
        for spelling in self._spellings[self._keys[entry]]:
            same = likeness is Likeness.NORMALISED and spelling == passage.text
            tally.add(
                spelling,
                _Found(
                    likeness=Likeness.EXACT if same else likeness,
                    similarity=similarity,
                    line=passage.line,
                    column=passage.column,
                ),
            )

    def _kept(self) -> int:
        """Return how many passages at the end a repetition that goes on could begin in."""
        kept, words = 0, 0
        for passage, some in zip(reversed(self._places), reversed(self._words), strict=True):
            if passage.row != self._places[-1].row or words >= self._index.longest_span:
                break
            kept, words = kept + 1, words + len(some)
        return kept

    def _tells_much(self, text: str, likeness: Likeness) -> bool:
        words = self._lengths[self._entries[" ".join(words_of(text))]]
        if likeness is Likeness.CONTAINED:
            return words >= self._rules.min_contained_words
        return words >= self._rules.min_words
