"""`python -m backend.cli` is `desklore`."""

from backend.cli.main import run

if __name__ == "__main__":
    # Worker processes import this module too, and must not start the command line.
    run()
