"""An endpoint that fails as real ones do, on a seeded plan, to rehearse a run against."""
