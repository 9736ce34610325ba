"""Runs and calls, told to other tools: MLflow and OpenTelemetry."""
