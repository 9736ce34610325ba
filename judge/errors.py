"""Every error this package raises.

JudgeError
├── InputError             what was given cannot be used: exit code 2, nothing was spent
│   ├── ConfigError        a config file, an option or an environment variable
│   ├── DataError          items, outputs, ratings or a schema, with file and row
│   ├── RunNotFound        no stored run goes by that name
│   ├── RunUnfinished      what is asked for is there only when the run is finished
│   ├── StoreUnusable      another process writes to it, or it has another layout
│   ├── MissingExtra       an optional dependency is not installed
│   ├── RatingConflict     a rater said something else of the same output before
│   ├── LeaseExpired       a row to be labelled is with another rater now
│   ├── IllegalTransition  a job cannot go from its state to that one
│   ├── JobChanged         a job was changed by others since it was read
│   └── TooManyJobs        as many jobs wait and run as a workspace may have
├── StoreError             results cannot be kept: paid work stops first
│   └── ChunkLost          another worker has the chunk of a job that was worked on
├── NoScore                a test asks about what has no score: an error, not a failure
└── ScoringError           one record has no score: becomes the fate named by `fate`
    ├── InputTooLong       over the judge's context; never cut silently
    ├── JudgeRefused       refusal field, content filter, or prose without a verdict
    ├── JudgeUnparseable   off schema, off scale, duplicate key, two verdicts
    ├── JudgeTruncated     the reply was cut, even where its prefix parses
    ├── JudgeIdentityChanged  another model answered than the one pinned
    ├── PanelNoMajority    members of a panel were lost or tied
    ├── VerdictNotRecorded  no verdict made elsewhere, or no earlier reply, is on this record
    ├── JudgeUnavailable   attempts exhausted on 408, 409, 429, 5xx, network or deadline
    │   └── RateLimited    429: too many calls at once
    ├── EndpointPaused     the endpoint asks for a longer pause than a run waits
    ├── JudgeRejected      a deterministic 4xx, or a redirect
    │   └── AccessDenied   401 or 403: no later call will do better
    ├── QuotaExhausted     the account has nothing left to spend
    ├── BudgetExhausted    the next call could cost more than the run may
    ├── EmbeddingInvalid   wrong count or dimension, a zero or non-finite vector
    ├── SchemaRejected     the schema cannot be prepared within its time and memory
    ├── SchemaTimeout      one output takes more time or memory than it gets
    └── OutputAbsent       there is nothing to judge
        ├── OutputEmpty
        └── OutputMissing
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class JudgeError(Exception):
    """Root of the tree: whatever this package raises on purpose."""


class InputError(JudgeError):
    """What was given cannot be used; the message names the place and the remedy."""


class ConfigError(InputError):
    """A config file, an option or an environment variable is wrong."""


class DataError(InputError):
    """Items, outputs, ratings or a schema are wrong; the message names file and row."""


class RunNotFound(InputError):
    """No stored run goes by that name."""


class RunUnfinished(InputError):
    """What is asked for is there only when the run is finished."""


class StoreUnusable(InputError):
    """The store cannot be opened: another process writes to it, or it has another layout."""


class MissingExtra(InputError):
    """An optional dependency is not installed."""

    def __init__(self, extra: str, *, needed_for: str) -> None:
        super().__init__(f"{needed_for} needs an extra: pip install 'judge[{extra}]'")


class RatingConflict(InputError):
    """A rater said something else of the same output before."""


class LeaseExpired(InputError):
    """A row to be labelled is not, or no longer, with the rater who labels it."""


class IllegalTransition(InputError):
    """A job cannot go from the state it is in to the one that is asked for."""


class JobChanged(InputError):
    """A job was changed by others since it was read."""


class TooManyJobs(InputError):
    """As many jobs of a workspace wait and run as it may have."""


class StoreError(JudgeError):
    """Results cannot be kept."""


class ChunkLost(StoreError):
    """A chunk was given to another worker: what this one still does for it is not kept."""


class NoScore(JudgeError):
    """A test asks about what has no score, or about which nothing can be said."""


class ScoringError(JudgeError):
    """One record has no score, for the reason named by `fate`."""

    fate: ClassVar[str] = "internal_error"
    halts: ClassVar[bool] = False
    """Whether no later call of the same run can do better."""

    def __init__(self, message: str, *, attempts: int = 1, possibly_paid: bool = False) -> None:
        super().__init__(message)
        self.attempts = attempts
        self.possibly_paid = possibly_paid
        """Whether the endpoint may charge for the attempt although it gave no answer."""
        self.votes: tuple[object, ...] = ()
        """The verdicts there are nonetheless: `Vote`s, which stand above errors in the layers."""


class InputTooLong(ScoringError):
    """The case is over the judge's context."""

    fate = "input_too_long"


class JudgeRefused(ScoringError):
    """The judge declined to judge."""

    fate = "judge_refused"


class JudgeUnparseable(ScoringError):
    """The reply is no verdict on the scale."""

    fate = "judge_unparseable"


class JudgeTruncated(ScoringError):
    """The reply was cut off."""

    fate = "judge_truncated"


class JudgeIdentityChanged(ScoringError):
    """Another model answered than the one pinned."""

    fate = "judge_identity_changed"
    halts = True


class PanelNoMajority(ScoringError):
    """The members of a panel that answered do not decide, or too few of them answered."""

    fate = "panel_no_majority"


class VerdictNotRecorded(ScoringError):
    """Of verdicts made elsewhere, or of stored replies, none is on this record."""

    fate = "verdict_not_recorded"


class JudgeUnavailable(ScoringError):
    """The endpoint did not answer usefully within the attempts allowed."""

    fate = "judge_unavailable"

    def __init__(
        self,
        message: str,
        *,
        attempts: int = 1,
        possibly_paid: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, attempts=attempts, possibly_paid=possibly_paid)
        self.retry_after_s = retry_after_s


class RateLimited(JudgeUnavailable):
    """The endpoint was asked too often (429): it wants fewer calls at once, not only later ones."""


class EndpointPaused(ScoringError):
    """The endpoint asks for a longer pause than a run waits: the run goes on after it."""

    fate = "judge_unavailable"
    halts = True


class JudgeRejected(ScoringError):
    """The endpoint refused the request, and would refuse it again."""

    fate = "judge_rejected"


class AccessDenied(JudgeRejected):
    """The endpoint does not accept our key."""

    halts = True


class QuotaExhausted(ScoringError):
    """The account has nothing left to spend."""

    fate = "quota_exhausted"
    halts = True


class BudgetExhausted(ScoringError):
    """The next call could cost more than the run may still spend: it was not sent."""

    fate = "budget_exhausted"
    halts = True


class EmbeddingInvalid(ScoringError):
    """An embedder returned something that is no set of unit vectors."""

    fate = "embedding_invalid"


class SchemaRejected(ScoringError):
    """The schema cannot be prepared within its time and memory."""

    fate = "schema_rejected"


class SchemaTimeout(ScoringError):
    """Holding the output against its schema takes more time or memory than one output gets."""

    fate = "schema_timeout"


class OutputAbsent(ScoringError):
    """There is nothing to judge."""


class OutputEmpty(OutputAbsent):
    """The system answered with nothing but white space."""

    fate = "output_empty"


class OutputMissing(OutputAbsent):
    """The system gave no answer to this item."""

    fate = "output_missing"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ' (did you mean ...?)' for a misspelt name, or an empty text."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
