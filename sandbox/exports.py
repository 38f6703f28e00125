"""Write the made-up company's account export to a file, without a server."""

from pathlib import Path
from typing import Final

from sandbox.freshdesk.export import Form
from sandbox.freshdesk.export import write_export as write_freshdesk
from sandbox.freshdesk.site import Site
from sandbox.options import SandboxOptions
from sandbox.ports import account_of
from sandbox.zendesk.account_export import write_export as write_zendesk
from sandbox.zendesk.site import Site as ZendeskSite

_ADDRESS: Final = "http://127.0.0.1:8100"
"""Where `desklore sandbox` serves unless told otherwise: addresses in the export lead there."""


def write_file(path: Path, platform: str, form: str, options: SandboxOptions) -> int:
    """Write it and return how many tickets the company has. Raises OSError."""
    account = account_of(options)
    with path.open("wb") as out:
        if platform == "zendesk":
            zendesk = ZendeskSite(options, account)
            zendesk.links.api_base = zendesk.links.files_base = _ADDRESS
            write_zendesk(zendesk, out, form)
        else:
            freshdesk = Site(options, account)
            freshdesk.links.api_base = freshdesk.links.files_base = _ADDRESS
            write_freshdesk(freshdesk, out, Form(form))
    return len(account.tickets)
