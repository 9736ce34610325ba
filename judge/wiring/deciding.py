"""From a config to the terms on which something is decided."""

from judge.config import Config, place_in
from judge.errors import ConfigError, did_you_mean
from judge.records.dataset import Dataset
from judge.results.terms import DecisionTerms


def decision_terms(config: Config, *, text: str, path: str) -> DecisionTerms:
    """Return what decides whether a student may ship, as declared in a config.

    Args:
        config: the config.
        text: it was read from, for the line.
        path: of its file; empty where there is none.
    """
    section = config.decision
    if section is None:
        return DecisionTerms(unscored=config.missing.unscored)
    return DecisionTerms(
        metric=section.metric,
        margin=section.margin,
        critical=section.critical,
        unscored=config.missing.unscored,
        place=place_in(text, ["decision"], name=path or "the config"),
    )


def check_critical(terms: DecisionTerms, dataset: Dataset) -> None:
    """Check that critical slices are slices of the set.

    Raises:
        ConfigError: one is not.
    """
    for name in terms.critical:
        check_slice(name, dataset, place=f"{terms.place}.critical")


def check_slice(name: str, dataset: Dataset, *, place: str) -> None:
    """Check that a set has a slice.

    Raises:
        ConfigError: it has not.
    """
    values = dataset.slice_values
    known = [f"{dimension}={value}" for dimension in values for value in values[dimension]]
    if name not in known:
        raise ConfigError(
            f"{place}: {name!r} is no slice of the set{did_you_mean(name, known)}; "
            f"its slices are: {', '.join(known[:_MOST_NAMED]) or 'none'}"
        )


_MOST_NAMED = 20
