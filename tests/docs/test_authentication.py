"""The examples of docs/authentication.md sign so that the API takes it."""

import asyncio
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from backend.api.app import create_app
from backend.core.model.tenant import Role
from backend.core.usecases import keys
from tests.api.house import OPERATOR, House, make_template, open_copy
from tests.support.served import served
from tools.tree import ROOT

PAGE = (ROOT / "docs" / "authentication.md").read_text(encoding="utf-8")


def _block(language: str) -> str:
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return next(each for each in blocks if "desklore-hmac-sha256" in each)


async def _run(house: House, *command: str) -> str:
    wanted = keys.KeyInput(name="example", role=Role.AGENT, signing_only=True)
    made = await keys.create_key(house.services, house.auth, "acme", wanted, caller=OPERATOR)
    assert made.signing_secret is not None
    app = create_app(house.services, house.auth, render_metrics=house.meter.render)
    async with served(app) as base_url:
        env = {**os.environ, "DESKLORE": base_url, "KEY_ID": made.key.key_id, "SIGNING_SECRET": made.signing_secret.reveal()}
        env |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONUTF8": "1"}
        process = await asyncio.create_subprocess_exec(*command, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        output, _ = await process.communicate()
    await app.state.authenticator.close()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_the_examples_are_taken(tmp_path: Path) -> None:
    template = await make_template(tmp_path / "template")
    async with open_copy(tmp_path / "copy", template) as house:
        assert (await _run(house, sys.executable, "-c", _block("python"))).splitlines() == ["agent", "False"]


@pytest.mark.skipif(shutil.which("openssl") is None or shutil.which("curl") is None, reason="needs openssl and curl")
async def test_the_example_for_a_shell_is_taken(tmp_path: Path) -> None:
    template = await make_template(tmp_path / "template")
    async with open_copy(tmp_path / "copy", template) as house:
        assert json.loads(await _run(house, "bash", "-euc", _block("bash")))["answerable"] is False
