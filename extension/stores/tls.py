"""Which certificates are trusted on the way to the store.

AWS_CA_BUNDLE, else REQUESTS_CA_BUNDLE (as for boto3), else Amazon's five roots for `*.amazonaws.com` (they load in
3 ms, a whole bundle in 20), else the host's bundle, else one in the layer. A file without certificates counts as
absent: its context would refuse everybody.
"""

from __future__ import annotations

import os
import ssl

from extension.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ASKED = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
AMAZON_ROOTS = os.path.join(os.path.dirname(__file__), "amazon-roots.pem")
HOST_BUNDLES = (
    "/etc/pki/tls/certs/ca-bundle.crt",  # Amazon Linux, Fedora
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",
)
_VENDOR = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))), "vendor")
LAYER_BUNDLES = (os.path.join(_VENDOR, "botocore", "cacert.pem"), os.path.join(_VENDOR, "certifi", "cacert.pem"))


def sources(host: str, environ: Mapping[str, str]) -> list[str]:
    """Return the files to try for `host`, in order."""
    files = [environ.get(name, "").strip() for name in ASKED]
    if host.endswith(".amazonaws.com"):
        files.append(AMAZON_ROOTS)
    files.append(environ.get("SSL_CERT_FILE", "").strip())
    files.append(ssl.get_default_verify_paths().cafile or "")
    return [file for file in [*files, *HOST_BUNDLES, *LAYER_BUNDLES] if file]


def load(file: str) -> ssl.SSLContext | None:
    """Return a context that verifies names and certificates by `file`, or None where that holds no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except OSError:  # ssl.SSLError is one: not there, not readable, not PEM
        return None
    return context if context.cert_store_stats()["x509"] else None


def context_for(host: str, environ: Mapping[str, str], say: Callable[[str], None]) -> ssl.SSLContext:
    """Return the context for connections to `host`; raise `StoreError` (CONFIGURATION) where nothing can be trusted."""
    asked = {environ[name].strip(): name for name in reversed(ASKED) if name in environ}
    return first_of(sources(host, environ), asked, say)


def first_of(files: list[str], asked: Mapping[str, str], say: Callable[[str], None]) -> ssl.SSLContext:
    """Return the context of the first file with certificates; `say` where one `asked` for (file: variable) has none."""
    for file in files:
        context = load(file)
        if context is not None:
            return context
        if file in asked:
            say(f"{asked[file]} names {file!r}, which holds no readable certificate: the usual ones are used instead")
    message = "no certificates were found to verify the store by: set AWS_CA_BUNDLE to a PEM file"
    raise StoreError(StoreError.CONFIGURATION, 0, "NoCertificates", message)
