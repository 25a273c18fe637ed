"""Servers on this machine: what stands for AWS there gets dummy keys and no proxy. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

#: As they stand in urlsplit(url).hostname.
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def on_loopback(url: str | None) -> bool:
    """Return whether a server is on this machine. None and what is not a URL are not."""
    try:
        return urlsplit(url or "").hostname in LOOPBACK
    except ValueError:
        return False
