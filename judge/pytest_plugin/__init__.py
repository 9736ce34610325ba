"""A pytest plugin: tests that assert what a run of their own judged."""
