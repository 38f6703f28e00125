"""docs/adding-a-source.md says of the scaffold, the suites and the port what they are."""

import ast
import importlib
import inspect
import re
import tomllib
from pathlib import Path

from backend.adapters.registry import ENTRY_POINTS, Adapter
from backend.cli.main import main
from backend.core.ports.source import Source
from desklore_conformance import FaultSuite, Helpdesk, SourceSuite
from tools.tree import ROOT

PAGE = (ROOT / "docs" / "adding-a-source.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The page's examples in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def public(kind: type) -> set[str]:
    """What a Protocol asks for."""
    return {name for name in {*vars(kind), *getattr(kind, "__annotations__", {})} if not name.startswith("_")}


def test_the_table_of_the_port_is_the_port() -> None:
    section = PAGE.partition("## 2. The port")[2].partition("\n\n**")[0]
    assert set(re.findall(r"^\| `(\w+)", section, flags=re.MULTILINE)) == public(Source)


def test_what_is_imported_is_there() -> None:
    imports = [
        node for block in blocks("python") for node in ast.walk(ast.parse(block)) if isinstance(node, ast.ImportFrom) and node.module
    ]
    assert {node.module for node in imports} >= {"desklore_conformance", "desklore_conformance.standin"}
    for node in imports:
        module = importlib.import_module(str(node.module))
        assert all(hasattr(module, alias.name) for alias in node.names)


def test_the_class_in_the_example_has_both_suites() -> None:
    classes = [node for block in blocks("python") for node in ast.parse(block).body if isinstance(node, ast.ClassDef)]
    found = [ast.unparse(base) for node in classes for base in node.bases]
    assert found == [SourceSuite.__name__, FaultSuite.__name__]
    assert inspect.getdoc(Helpdesk)


def test_the_scaffold_is_what_the_page_says(tmp_path: Path) -> None:
    assert "desklore source new acmedesk" in PAGE
    assert main(["source", "new", "acmedesk", "--into", str(tmp_path)]) == 0
    folder = tmp_path / "desklore-acmedesk"
    listed = set(re.findall(r"^\| `([\w./]+)` \|", PAGE, flags=re.MULTILINE))
    assert all((folder / name).exists() for name in listed if "/" in name), listed
    modules = {f"desklore_acmedesk/{path.name}" for path in (folder / "desklore_acmedesk").glob("[!_]*.py")}
    assert modules <= listed
    written = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"][ENTRY_POINTS]
    (told,) = (tomllib.loads(block) for block in blocks("toml"))
    assert told["project"]["entry-points"][ENTRY_POINTS] == written
    for name in public(Adapter):
        assert f"`{name}`" in PAGE, name
