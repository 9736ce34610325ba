"""A report of two systems that say how sure they are."""

import numpy as np

from judge.records.production import Conditions, Produced, Production

N = 200


def columns(
    teacher: str = "teacher", student: str = "student"
) -> dict[str, dict[str, list[float]]]:
    """Return cells of a judged metric: the teacher is calibrated, the student is not."""
    rng = np.random.default_rng(5)
    return {
        "equivalence.reference": {
            teacher: (rng.random(N) < chances()).astype(float).tolist(),
            student: (rng.random(N) < 0.6).astype(float).tolist(),
        }
    }


def chances() -> np.ndarray:
    return np.linspace(0.5, 0.98, N)


def productions(teacher: str = "teacher", student: str = "student") -> list[Production]:
    """Return how sure both are: the one declares it, of the other tokens are known."""
    sure = [
        {
            f"i{place}": Produced(declared_confidence=float(one))
            for place, one in enumerate(chances())
        },
        {
            f"i{place}": Produced(token_probability=float(one))
            for place, one in enumerate(chances())
        },
    ]
    return [
        Production(system=system, conditions=Conditions(), outputs=outputs)
        for system, outputs in zip((teacher, student), sure, strict=True)
    ]
