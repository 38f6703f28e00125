"""Where the command line finds the server and its keys: options, then the environment, then what the data folder holds."""

from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

DEMO_FILE: Final = "demo.json"
OPERATOR_FILE: Final = "secrets/operator_key"


class ClientSettings(BaseSettings):
    """What the commands that talk to a server read from the environment or the file `.env`."""

    model_config = SettingsConfigDict(env_prefix="DESKLORE_", env_file=".env", extra="ignore", env_ignore_empty=True)

    url: str | None = Field(
        None, description="Address of the server the commands talk to; empty: the demo's, or port `DESKLORE_PORT` here."
    )
    api_key: SecretStr | None = Field(None, description="The tenant's API key the commands use; empty: the demo's.")
    operator_key: SecretStr | None = Field(None, description="Key of the operator, for `tenants` and `keys`; empty: the data folder's.")
    data_dir: Path = Field(Path("data"), description="The data folder in which the demo's keys are looked up.")
    port: int = Field(8000, description="Port of the server on this machine.")


class DemoFile(msgspec.Struct, kw_only=True):
    """`data/demo.json`: all that a person or a script needs to use the demo."""

    url: str
    api_key: str
    operator_key: str
    company_id: str
    sandbox_url: str
    sandbox_api_key: str = ""
    connection_id: str = ""

    def write(self, path: Path) -> None:
        """Write it readable by its owner only, in one step: a reader never sees half of it."""
        draft = path.with_suffix(".tmp")
        draft.touch(mode=0o600)
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")
        draft.replace(path)


def read_demo(data_dir: Path) -> DemoFile | None:
    """The demo's file, or None where there is none that can be read."""
    try:
        return msgspec.json.decode((data_dir / DEMO_FILE).read_bytes(), type=DemoFile)
    except (OSError, msgspec.DecodeError):
        return None


class Target(msgspec.Struct, frozen=True):
    """The server and the keys a command uses."""

    url: str
    api_key: str | None
    operator_key: str | None


def find_target(url: str | None = None, key: str | None = None, **given: Any) -> Target:
    """Options first, then the environment, then `demo.json` and the operator's key file in the data folder.

    `key` stands for whichever key the command needs. The demo's keys are used for the demo's address only.
    """
    settings = ClientSettings(**given)
    demo = read_demo(settings.data_dir)
    address = url or settings.url or (demo.url if demo else f"http://127.0.0.1:{settings.port}")
    at_demo = demo is not None and address.rstrip("/") == demo.url.rstrip("/")
    stored_key = demo.api_key if demo and at_demo else None
    # A key of this machine's server is not sent to another machine's.
    own = read_operator_key(settings.data_dir) if is_local(address) else None
    stored_operator = demo.operator_key if demo and at_demo else own
    return Target(
        url=address.rstrip("/"),
        api_key=key or _plain(settings.api_key) or stored_key,
        operator_key=key or _plain(settings.operator_key) or stored_operator,
    )


def is_local(url: str) -> bool:
    """Whether the address is this machine's own."""
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


def read_operator_key(data_dir: Path) -> str | None:
    """The operator's key that the server made for itself in development, or None."""
    try:
        return (data_dir / OPERATOR_FILE).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
