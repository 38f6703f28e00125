"""Which files the checks look at: what git tracks or would track, and for a plain folder everything but what is installed."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_NOT_OURS = frozenset({".venv", ".git", "node_modules", "data", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})


def files(root: Path = ROOT) -> list[str]:
    """Paths relative to `root`, in order, with `/` between folders."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, capture_output=True, check=False)
    if listed.returncode == 0:
        names = set(listed.stdout.decode().split("\0")) - {""}
        return sorted(name for name in names if (root / name).is_file())
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if not _NOT_OURS & set(path.parts))


def python_files(root: Path = ROOT) -> list[str]:
    """The Python ones."""
    return [name for name in files(root) if name.endswith(".py")]
