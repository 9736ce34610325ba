"""Pages for people, rendered here; what models wrote stands in them as text alone."""
