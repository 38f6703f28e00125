"""Each house rule finds what it is for, and leaves the places it allows alone."""

import pytest

from tools.rules import check


def _found(path: str, source: str) -> set[str]:
    """Names of the rules that a file breaks; the docstring is added, as it is a rule of its own."""
    return {finding.rsplit("(", 1)[1].rstrip(")") for finding in check(path, f'"""Text."""\n{source}\n')}


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        ("environment_in_settings", "backend/api/app.py", "import os\nos.environ['A']"),
        ("environment_in_settings", "backend/api/app.py", "import os\nos.getenv('A')"),
        ("environment_in_settings", "sandbox/serve.py", "from os import environ"),
        ("commit_in_unit_of_work", "backend/storage/sql/tenants.py", "async def f(s):\n    await s.commit()"),
        ("queries_in_storage", "backend/core/usecases/tenants.py", "select(1)"),
        ("queries_in_storage", "backend/api/app.py", "import sqlalchemy as sa\nsa.select(1)"),
        ("no_patching_of_ours", "tests/test_a.py", "def f(mock):\n    mock.patch('backend.api.app.x')"),
        ("no_patching_of_ours", "tests/test_a.py", "def f(mock, x):\n    mock.patch.object(x, 'y')"),
        ("no_patching_of_ours", "tests/test_a.py", "import backend\ndef f(monkeypatch):\n    monkeypatch.setattr(backend.api, 'x', 1)"),
        ("no_broad_except", "backend/core/ingest/collect.py", "try:\n    f()\nexcept Exception:\n    pass"),
        ("no_broad_except", "backend/core/ingest/collect.py", "try:\n    f()\nexcept (ValueError, Exception) as e:\n    g(e)"),
        ("no_broad_except", "sandbox/serve.py", "try:\n    f()\nexcept:\n    pass"),
        ("stable_ids", "backend/core/ingest/index.py", "from uuid import uuid4\nuuid4()"),
        ("stable_ids", "backend/core/ingest/index.py", "hash('a')"),
        ("retries_in_adapters", "backend/storage/sql/engine.py", "import tenacity"),
        ("retries_in_adapters", "backend/workers/runner.py", "from tenacity.asyncio import AsyncRetrying"),
        ("known_metrics", "backend/core/ingest/merge.py", "def f(meter):\n    meter.count('tickets_eaten')"),
        ("known_metrics", "backend/core/ingest/merge.py", "def f(self):\n    self._meter.count('runs', 1)"),
        ("known_metrics", "backend/core/ingest/merge.py", "def f(s):\n    s.meter.level('runs', 1, state='x')"),
        ("silencer_reason", "bench/a.py", "f()  # noqa"),
        ("silencer_reason", "bench/a.py", "f()  # noqa: S608"),
        ("silencer_reason", "bench/a.py", "f()  # noqa: S608  names of ours"),
        ("silencer_reason", "bench/a.py", "f()  # noqa: S608, S101  # names of ours"),
        ("silencer_reason", "bench/a.py", "f()  # type: ignore"),
        ("silencer_reason", "bench/a.py", "f()  # type: ignore[arg-type]"),
    ],
)
def test_a_rule_finds_what_it_is_for(rule: str, path: str, source: str) -> None:
    assert _found(path, source) == {rule}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("backend/settings.py", "import os\nos.environ['A']"),
        ("tests/test_a.py", "import os\nos.environ['A']"),
        ("backend/storage/sql/unit_of_work.py", "async def f(s):\n    await s.commit()"),
        ("backend/storage/sql/documents.py", "select(1)"),
        ("tests/test_a.py", "def f(monkeypatch):\n    monkeypatch.setattr('socket.socket', 1)"),
        ("tests/test_a.py", "def f(monkeypatch):\n    monkeypatch.setattr('backend.core.clock.datetime', 1)"),
        ("backend/api/errors.py", "try:\n    f()\nexcept Exception:\n    g()"),
        ("backend/storage/sql/engine.py", "try:\n    f()\nexcept BaseException:\n    undo()\n    raise"),
        ("backend/core/ingest/collect.py", "try:\n    f()\nexcept ValueError:\n    g()"),
        ("backend/core/model/tenant.py", "class A:\n    def __hash__(self):\n        return hash(self.x)"),
        ("backend/adapters/http.py", "import tenacity"),
        (
            "backend/core/ingest/merge.py",
            "def f(s, labels):\n    s.meter.count('runs', 1, state='completed')\n    s.meter.count('runs', 1, **labels)",
        ),
        ("backend/core/ingest/merge.py", "'aab'.count('a')"),
        ("bench/a.py", "f()  # noqa: S608, S101 - names of ours"),
        ("bench/a.py", "def f():\n    # It takes long to load.\n    import a  # noqa: PLC0415\n    import b  # noqa: PLC0415 - an extra"),
        ("bench/a.py", "f()  # type: ignore[arg-type]  # the library's type is too narrow"),
        ("bench/a.py", "f('# noqa')"),
    ],
)
def test_a_rule_leaves_what_is_allowed(path: str, source: str) -> None:
    assert _found(path, source) == set()


def test_every_module_says_what_it_is_for() -> None:
    (finding,) = check("backend/core/clock.py", "import time\n")
    assert "module_docstring" in finding


def test_findings_name_the_place() -> None:
    (finding,) = check("backend/api/app.py", '"""Text."""\n\nimport os\n\nos.environ["A"]\n')
    assert finding.startswith("backend/api/app.py:5: ")
