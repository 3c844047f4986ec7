"""Where results go: CSV, JSONL, SQLite, a page; many at once, flushed in time, resumed."""
