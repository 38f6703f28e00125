"""No address of a package registry and no path of somebody's machine belongs in the project."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tools.tree import ROOT, files

# The patterns are written so that they do not find themselves.
_REGISTRY: Final = re.compile(
    r"(?i)\b(?:files\.)?python[h]osted\.org|\bpyp[i]\.(?:org|python\.org)/simple|\bregistry\.np[m]js\.org|\bregistry\.yarn[p]kg\.com"
    r"|--(?:extra-)?index-ur[l]\s*=?\s*http|UV_(?:DEFAULT_)?INDEX(?:_URL)?=htt[p]"
)
_HOME: Final = re.compile(r"(?<![\w.$}-])/(?:home|User[s])/[\w.-]+/|(?<![\w.$}-])/roo[t]/\S|\b[A-Z]:\\User[s]\\")
_TOO_SHORT: Final = 6


def check(path: str, text: str, machine: re.Pattern[str]) -> Iterator[str]:
    """Lines of one file that name a registry, a home folder or the folder this checkout lies in."""
    for number, line in enumerate(text.splitlines(), 1):
        if _REGISTRY.search(line):
            yield f"{path}:{number}: names a package registry"
        if _HOME.search(line) or machine.search(line):
            yield f"{path}:{number}: names a path of one machine"


def machine_pattern(root: Path) -> re.Pattern[str]:
    """Matches the folder around the checkout and the home folder, unless they are too short to mean anything."""
    folders = [f"{folder}/" for folder in (str(root.parent), str(Path.home())) if len(folder) >= _TOO_SHORT]
    return re.compile("|".join(re.escape(folder) for folder in folders) or r"(?!)")


def main() -> int:
    """Check every text file; 1 if one names such a thing."""
    machine = machine_pattern(ROOT)
    found: list[str] = []
    for path in files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content[:8192]:
            found.extend(check(path, content.decode(errors="replace"), machine))
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
