"""What every HTTP client of the service shares."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def tls_context() -> ssl.SSLContext:
    """The process's one context for outgoing TLS: reading the certificate authorities takes longer than a call."""
    return httpx.create_ssl_context()
