"""The diagnosis: which named patterns a run shows, with their evidence and the next experiment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from judge.records.production import Production
from judge.reports.groups import OVERALL
from judge.reports.instrument_suspicions import instrument_suspicions
from judge.reports.quality_suspicions import quality_suspicions
from judge.reports.suspicions import Pattern, Seen, Suspicion
from judge.stats.multiplicity import holm
from judge.trust.admission import AdmittedResults

LEVEL = 0.05
"""Chance of any finding at all where nothing is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A pattern in words.

    Attributes:
        condition: what must hold for it to be named.
        next_experiment: what to try.
    """

    title: str
    condition: str
    next_experiment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A pattern that was found.

    Attributes:
        p_value: adjusted for every suspicion of the report.
        n_tests: how many suspicions that were.
    """

    suspicion: Suspicion
    p_value: float
    n_tests: int

    @property
    def words(self) -> Words:
        return WORDS[self.suspicion.pattern]


def diagnosis(
    admitted: AdmittedResults,
    *,
    productions: Iterable[Production] = (),
    leaked: frozenset[str] = frozenset(),
) -> tuple[Finding, ...]:
    """Return what is found in a run, the surest first; nothing where nothing is wrong.

    Every pattern is tested against a difference that matters, not against none, and Holm's
    adjustment holds the chance of any false finding of the report under `LEVEL`. A pattern that is
    found overall is not named again for slices.

    Args:
        admitted: the results.
        productions: what files said beside the outputs, system by system.
        leaked: ids of items that stand in training data.
    """
    seen = Seen(admitted, productions=productions, leaked=leaked)
    suspected = [*quality_suspicions(seen), *instrument_suspicions(seen)]
    if not suspected:
        return ()
    adjusted = holm(np.array([one.p_value for one in suspected]))
    found = [
        Finding(suspicion=one, p_value=float(p), n_tests=len(suspected))
        for one, p in zip(suspected, adjusted, strict=True)
        if p <= LEVEL
    ]
    everywhere = {_who(one.suspicion) for one in found if one.suspicion.slice == OVERALL}
    kept = [
        one
        for one in found
        if one.suspicion.slice == OVERALL or _who(one.suspicion) not in everywhere
    ]
    return tuple(sorted(kept, key=lambda one: one.suspicion.p_value))


def _who(one: Suspicion) -> tuple[Pattern, str, str]:
    return one.pattern, one.system, one.metric


WORDS: Mapping[Pattern, Words] = MappingProxyType(
    {
        Pattern.TEACHER_IS_CEILING: Words(
            title="the teacher is the ceiling",
            condition="the teacher misses over a tenth, and over half of the student's misses "
            "are the teacher's too",
            next_experiment="mend what is taught before the student: filter the teacher's outputs "
            "by reference or judge, or take a better teacher for these items, and train again",
        ),
        Pattern.COVERAGE_GAP: Words(
            title="a coverage gap",
            condition="on this slice the student loses over .05 to the teacher, and over .05 more "
            "than elsewhere",
            next_experiment="add training examples of this slice, twice and four times as many, "
            "and see whether the gap closes while the other slices hold",
        ),
        Pattern.OVERCONFIDENT: Words(
            title="overconfident",
            condition="mean confidence is over .05 above the share that is right",
            next_experiment="fit a temperature on held-out items and look again; route what stays "
            "unsure to the teacher",
        ),
        Pattern.FASTER_NOT_CHEAPER: Words(
            title="latency fell, cost did not",
            condition="answers come in under .9 of the teacher's time and cost over .95 as much",
            next_experiment="measure cost at full batches on the hardware it will run on: look "
            "for idle machines, output tokens and the price of the instance",
        ),
        Pattern.DISTILLATION_ADDS_NOTHING: Words(
            title="distillation adds nothing over fine-tuning",
            condition="the distilled student is under .05 better than the fine-tuned one",
            next_experiment="ship the fine-tuned one, or distil what it lacks: the teacher's "
            "distributions or rationales, on inputs outside the fine-tuning set",
        ),
        Pattern.JUDGE_PREFERS_LENGTH: Words(
            title="the judge prefers length",
            condition="of what people do not find best the judge overrates the longest third by "
            "over .05 more than the others (by over .1 against similarity without such labels)",
            next_experiment="judge the same outputs cut to their first sentences, or say in the "
            "prompt that length is no merit; have long passes labelled (judge plan)",
        ),
        Pattern.VALID_BUT_WRONG: Words(
            title="valid but wrong",
            condition="over .9 of the outputs fit the schema, and where they do the student loses "
            "over .1 to the teacher",
            next_experiment="look at the fields that are wrong, and train on their content: more "
            "varied values, and the loss on values instead of braces",
        ),
        Pattern.RIGHT_BUT_INVALID: Words(
            title="right but invalid",
            condition="of what is right, over .05 fits the schema from the teacher and not from "
            "the student",
            next_experiment="decode under the schema, or repair what is read: the content is "
            "there already",
        ),
        Pattern.SIMILARITY_BLIND: Words(
            title="similarity is blind to changed numbers",
            condition="of the outputs with a cosine from .85, over .05 lack a number of the "
            "reference",
            next_experiment="do not gate on similarity here: compare numbers and names, or judge",
        ),
        Pattern.MISSING_IN_ONE_SYSTEM: Words(
            title="missing scores concentrate in one system",
            condition="the share of missing scores is over .02 above that of the other systems",
            next_experiment="read the fates of this system, mend their cause and score again: "
            "until then compare by the worst and best case",
        ),
        Pattern.LEAKED_ITEMS: Words(
            title="better on leaked items",
            condition="on items that stand in training data the student gains over .05 more on "
            "the teacher than on the others",
            next_experiment="report the score without these items, take them out of training, and "
            "train again",
        ),
    }
)
