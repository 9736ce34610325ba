"""How often somebody has looked at the labels: each further look has less of the level to spend."""

import hashlib

import msgspec

from judge.results.run import Measure
from judge.results.store import DocumentStore

LOOK_KIND = "look"
"""Kind of the stored document."""


def look_number(store: DocumentStore, measure: Measure, ratings: str, population: str) -> int:
    """Record a look at labels, and return its number, from 1.

    A look is a new pair of judge and labels. Looking again at the same pair is no new look: the
    figures would be the same.

    Args:
        store: keeps the looks.
        measure: judged; its signature names the judge.
        ratings: fingerprint of the labels.
        population: fingerprint of the evaluation set they are about.
    """
    about = [measure.criterion, measure.target.value, population]
    pair = [*about, measure.signature, ratings]
    looks = [msgspec.json.decode(body, type=list[str]) for body in store.documents(LOOK_KIND)]
    own = [look for look in looks if look[: len(about)] == about]
    if pair in own:
        return own.index(pair) + 1
    name = hashlib.sha256("\0".join(pair).encode()).hexdigest()
    store.put_document(LOOK_KIND, name, msgspec.json.encode(pair))
    return len(own) + 1
