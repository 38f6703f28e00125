"""Bring the database in the data folder to the newest schema; the server does the same at its start."""

import sys

from backend.settings import Settings
from backend.storage.sql.engine import newest_revision, upgrade


def main() -> int:
    """Upgrade and say to what."""
    path = (Settings().data_dir / "desklore.db").resolve()
    upgrade(f"sqlite+aiosqlite:///{path}")
    print(f"{path} is at revision {newest_revision()}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
