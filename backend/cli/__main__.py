"""`python -m backend.cli` is `desklore`."""

from backend.cli.main import run

run()
