"""From each layout of a store to the next, on SQLite and on PostgreSQL."""
