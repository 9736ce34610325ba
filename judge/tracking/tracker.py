"""The tools that a run can be told to, by name."""

from enum import StrEnum


class Tracker(StrEnum):
    """A tool that a run is told to."""

    MLFLOW = "mlflow"
    OTEL = "otel"
