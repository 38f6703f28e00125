"""Models that tenants bring themselves, for tests: servers on this machine are allowed."""

from typing import Any

from backend.adapters.compute import ProcessCompute
from backend.adapters.own import OwnProviders
from backend.adapters.providers import Providers
from backend.core.ports.cipher import Cipher
from backend.core.ports.meter import Meter
from backend.core.text.tokens import make_tokenizer
from backend.settings import Settings
from backend.storage.secrets.sealed import SealedSecrets


def own_providers(cipher: Cipher, meter: Meter, *, tenants: int = 200, **given: Any) -> OwnProviders:
    """Over the settings given."""
    usual: dict[str, Any] = {"provider_host_allowlist": "127.0.0.1", "llm_attempts": 1, "llm_timeout_seconds": 5}
    settings = Settings(_env_file=None, **usual | given)
    providers = Providers(settings, make_tokenizer("bigram"), meter, ProcessCompute(0))
    return OwnProviders(settings, providers, SealedSecrets(cipher), meter, tenants=tenants)
