"""The use cases: evaluate, resume, plan labels, validate a judge, report."""
