"""Bring the database of the settings to the newest schema; the server does the same at its start."""

import sys

from backend.cli.errors import CliError
from backend.cli.serve import load_settings
from backend.core.errors import AppError
from backend.settings import StorageType
from backend.storage.sql.engine import newest_revision, upgrade
from backend.storage.sql.prepare import addresses


def main() -> int:
    """Upgrade and say to what; 1 with what to do where that is not possible."""
    try:
        settings = load_settings()
        url, owner_url = addresses(settings)
        upgrade(url, owner_url)
    except (AppError, CliError) as error:
        print(f"make migrate: {error}", file=sys.stderr)
        return 1
    place = "PostgreSQL" if settings.storage_type is StorageType.POSTGRESQL else url.removeprefix("sqlite+aiosqlite:///")
    print(f"{place} is at revision {newest_revision()}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
