"""The front: pages, JSON API, jobs, commands, and the Django project itself. No models."""

import sys

try:  # Debian's SQLite 3.40.1 has the WAL-reset fault; pysqlite3 carries a newer one (docs/decisions/0003-sqlite.md)
    import pysqlite3

    sys.modules.setdefault("sqlite3", pysqlite3)
    sys.modules.setdefault("sqlite3.dbapi2", pysqlite3.dbapi2)
except ImportError:  # pragma: no cover - the system's own SQLite then stands, and settings choose a safe journal for it
    pass
