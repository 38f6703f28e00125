"""Resolve pyproject.toml into the two hash-pinned locks, or (with --check) say where the locks no longer fit it.

The locks hold no address: which package index is used is a matter of the machine that installs.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tools.tree import ROOT

RUNTIME: Final = "requirements.lock"
DEV: Final = "requirements-dev.lock"
UV: Final = "requirements-uv.lock"
_ARGUMENTS: Final = {
    RUNTIME: ["pyproject.toml"],
    DEV: ["--all-extras", "--group", "dev", "pyproject.toml"],
}
_NAME: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)")


def resolve(root: Path) -> None:
    """Write both locks with uv; raises CalledProcessError where the dependencies can't be met."""
    for lock, arguments in _ARGUMENTS.items():
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--upgrade", "--generate-hashes"]
        command += ["--no-emit-index-url", "--no-annotate", "--no-header", "--output-file", lock, *arguments]
        subprocess.run(command, cwd=root, check=True)


def check(root: Path) -> Iterator[str]:
    """What is wrong with the locks: an address, a requirement without a hash, a dependency that no lock names."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = _wanted(project)
    for lock in (RUNTIME, DEV, UV):
        text = (root / lock).read_text(encoding="utf-8")
        if "://" in text:
            yield f"{lock}: holds an address"
        requirements = [block for block in re.split(r"\n(?=\S)", text) if block.strip()]
        for block in requirements:
            if "==" not in block or "--hash=sha256:" not in block:
                yield f"{lock}: {block.splitlines()[0]} is not pinned by a hash"
        for name in sorted(wanted.get(lock, frozenset()) - {_canonical(block) for block in requirements}):
            yield f"{lock}: lacks {name}, which pyproject.toml names; run make lock"


def _wanted(project: dict[str, Any]) -> dict[str, frozenset[str]]:
    runtime = project["project"]["dependencies"]
    extras = [each for group in project["project"].get("optional-dependencies", {}).values() for each in group]
    return {
        RUNTIME: frozenset(map(_canonical, runtime)),
        DEV: frozenset(map(_canonical, [*runtime, *extras, *project["dependency-groups"]["dev"]])),
    }


def _canonical(requirement: str) -> str:
    """The distribution's name as package indexes compare it."""
    name = _NAME.match(requirement.strip())
    return re.sub(r"[-_.]+", "-", name.group(1)).lower() if name else requirement


def main() -> int:
    """Resolve (or only check); 1 if the locks are not right."""
    if "--check" not in sys.argv[1:]:
        resolve(ROOT)
    found = list(check(ROOT))
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
