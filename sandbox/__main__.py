"""`python -m sandbox --port 8100`."""

import argparse

from sandbox.options import SandboxOptions
from sandbox.serve import run


def _options() -> tuple[str, SandboxOptions]:
    default = SandboxOptions(port=8100, attachments_port=8101)
    parser = argparse.ArgumentParser(
        prog="sandbox", description="A Freshdesk or Zendesk account with made-up data, for development and tests."
    )
    parser.add_argument("--platform", choices=("freshdesk", "zendesk"), default="freshdesk")
    parser.add_argument("--host", default=default.host)
    parser.add_argument("--port", type=int, default=default.port, help="port of the API (default %(default)s)")
    parser.add_argument("--attachments-port", type=int, help="port of the file store (default: the API's port + 1)")
    parser.add_argument("--brand-port", type=int, help="Zendesk: port of the second brand's host (default: the API's port + 2)")
    parser.add_argument("--public-host", help="host name that clients use, when it differs from --host")
    parser.add_argument("--seed", type=int, default=default.seed, help="another seed is another company's history")
    parser.add_argument("--tickets", type=int, default=default.tickets)
    parser.add_argument("--reference", type=int, default=default.reference, help="when the history ends, in seconds of the epoch")
    parser.add_argument("--company-name", default=default.company_name)
    parser.add_argument("--api-key", default=default.api_key)
    parser.add_argument("--quota", type=int, default=default.quota, help="requests a minute for the whole account")
    parser.add_argument("--export-quota", type=int, default=default.export_quota, help="Zendesk: incremental exports a minute")
    parser.add_argument("--latency-ms", type=float, default=default.latency_ms)
    parser.add_argument("--url-seconds", type=float, default=default.url_seconds, help="life of a signed attachment address")
    parser.add_argument("--prebuild", action="store_true", help="render everything before the first request")
    given = vars(parser.parse_args())
    if given["attachments_port"] is None:
        given["attachments_port"] = given["port"] + 1 if given["port"] else 0
    if given["brand_port"] is None:
        given["brand_port"] = given["port"] + 2 if given["port"] else 0
    return given.pop("platform"), SandboxOptions(**given)


if __name__ == "__main__":
    run(*_options())
