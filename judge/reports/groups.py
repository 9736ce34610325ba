"""Which records a row of a report is about."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from judge.records.record import Unit
from judge.trust.admission import AdmittedResults

OVERALL = "overall"

Groups: TypeAlias = Mapping[tuple[str, str], Sequence[Unit]]
"""The records of each system and slice."""


def slice_names(admitted: AdmittedResults) -> list[str]:
    """Return ``overall`` and each ``dimension=value`` of the run."""
    slices = admitted.manifest.slices
    return [OVERALL, *(f"{name}={value}" for name in slices for value in slices[name])]


def record_groups(admitted: AdmittedResults) -> dict[tuple[str, str], list[Unit]]:
    """Return the records of each system and slice, one for every combination."""
    groups: dict[tuple[str, str], list[Unit]] = {
        (system.name, name): []
        for system in admitted.manifest.systems
        for name in slice_names(admitted)
    }
    for record in admitted.units:
        groups[record.system, OVERALL].append(record)
        for dimension, value in record.slices.items():
            groups[record.system, f"{dimension}={value}"].append(record)
    return groups


def cluster_codes(records: Sequence[Unit]) -> np.ndarray:
    """Return the records' clusters as integers from 0, shape (n_records,)."""
    codes: dict[str, int] = {}
    return np.array(
        [codes.setdefault(record.cluster, len(codes)) for record in records], dtype=np.int64
    )


def clusters_of(records: Sequence[Unit]) -> np.ndarray | None:
    """Return the records' clusters as integers, shape (n_records,); None where each is its own."""
    codes = cluster_codes(records)
    return None if np.unique(codes).size == codes.size else codes
