"""What `makegood doctor` finds around Makegood: suppliers, mail, its own public address, and the stores' clocks."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr

import app.messages.smtp as smtp_module
from app.doctor import code_of, level_of
from app.doctor_address import check_address, check_store_clocks
from app.doctor_mail import check_mail
from app.doctor_suppliers import check_suppliers
from app.main import create_app
from app.runtime import build_runtime
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.server import LoopbackServer
from app.sandbox.world import World
from app.settings import Settings
from app.stores.base import Finding
from tests.messages.test_smtp import Mailbox, mail_server


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as running:
        yield running


@pytest.fixture
def connected(settings: Settings, world: World) -> Settings:
    """The settings of a Makegood that is connected to the sandbox."""
    found = {"stores": world.stores(), "suppliers": world.supplier_settings()}
    return Settings(**found)  # type: ignore[arg-type]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def of_acme(settings: Settings, **changes: Any) -> Finding:
    acme = settings.suppliers["acme"].model_copy(update=changes)
    [found] = asyncio.run(check_suppliers(settings.model_copy(update={"suppliers": {"acme": acme}})))
    assert found.mend or level_of(found) == "ok"
    return found


@pytest.mark.parametrize(
    ("changes", "level", "code"),
    [
        ({}, "ok", "ok"),
        ({"base_url": "http://127.0.0.1:1"}, "fault", "supplier_unreachable"),
        ({"api_token": SecretStr("hush-hush")}, "fault", "supplier_token"),
        ({"webhook_secret": SecretStr("whsec_not*base64")}, "fault", "supplier_secret"),
        ({"channel": "manual"}, "ok", "ok"),
        ({"channel": "email", "email": "returns@acme.example"}, "warning", "supplier_mail_not_sent"),
        ({"channel": "cj"}, "warning", "supplier_by_hand"),
    ],
)
def test_suppliers(connected: Settings, changes: dict[str, Any], level: str, code: str) -> None:
    found = of_acme(connected, **changes)
    assert (level_of(found), code_of(found)) == (level, code)
    assert "hush" not in str(found)


@pytest.mark.parametrize(
    ("fault", "level", "code"),
    [
        (Fault(FaultKind.REDIRECT), "fault", "supplier_redirects"),
        (Fault(FaultKind.STATUS_BEFORE, 503), "warning", "supplier_trouble"),
        (Fault(FaultKind.DROP_BEFORE), "fault", "supplier_unreachable"),
    ],
)
def test_suppliers_in_trouble(connected: Settings, world: World, fault: Fault, level: str, code: str) -> None:
    world.suppliers["acme"].faults.add("GET /returns", fault)
    found = of_acme(connected)
    assert (level_of(found), code_of(found)) == (level, code)


def mail_of(settings: Settings, port: int, credentials: str = "", scheme: str = "smtp") -> Settings:
    url = SecretStr(f"{scheme}://{credentials}127.0.0.1:{port}")
    return settings.model_copy(update={"smtp_url": url, "mail_from": "returns@example.com"})


class Porter(Mailbox):
    """Lets nobody in but who knows the password, as a provider does."""

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == b"right", handled=False)


async def test_mail_that_is_not_set_up(settings: Settings) -> None:
    found = await check_mail(settings)
    assert (level_of(found), found.code) == ("warning", "mail_not_sent")


async def test_mail_that_goes(settings: Settings) -> None:
    porter = Porter()
    async with mail_server(porter, authenticator=porter.authenticate, auth_require_tls=False) as port:
        found = await check_mail(mail_of(settings, port, "user:right@"))
    assert (level_of(found), porter.received) == ("ok", [])


async def test_a_mail_password_that_is_wrong(settings: Settings) -> None:
    porter = Porter()
    async with mail_server(porter, authenticator=porter.authenticate, auth_require_tls=False) as port:
        found = await check_mail(mail_of(settings, port, "user:hush-hush@"))
    assert (found.ok, found.code) == (False, "smtp_login")
    assert "535" in found.detail
    assert "hush" not in str(found)


async def test_a_mail_server_that_is_not_there(settings: Settings) -> None:
    found = await check_mail(mail_of(settings, free_port(), "user:hush-hush@"))
    assert (found.ok, found.code) == (False, "smtp_unreachable")
    assert "hush" not in str(found)


async def test_a_mail_server_without_tls(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # Another machine cannot be had here; this one is taken for one.
    monkeypatch.setattr(smtp_module, "_is_loopback", lambda _host: False)
    async with mail_server(Mailbox()) as port:
        found = await check_mail(mail_of(settings, port, "user:right@"))
    assert (found.ok, found.code) == (False, "smtp_no_tls")


async def test_a_mail_server_that_sends_us_away(settings: Settings) -> None:
    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 no mail from there\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        found = await check_mail(mail_of(settings, server.sockets[0].getsockname()[1]))
    assert (found.ok, found.code) == (False, "smtp_refused")


async def test_a_mail_url_that_cannot_be_read(settings: Settings) -> None:
    found = await check_mail(mail_of(settings, 25, scheme="imap"))
    assert (found.ok, found.code) == (False, "mail_setting_wrong")


def at(settings: Settings, url: str) -> Settings:
    """The same with a public URL that somebody has set."""
    return Settings(**{**settings.model_dump(exclude_unset=True), "public_url": url})


def codes(findings: list[Finding], level: str = "fault") -> list[str]:
    assert all(one.mend for one in findings if level_of(one) != "ok")
    return [code_of(one) for one in findings if level_of(one) == level]


@pytest.fixture
def service(connected: Settings, database_url: str) -> Iterator[str]:
    with LoopbackServer(create_app(build_runtime(connected, database_url, pool_size=2))) as url:
        yield url


def test_an_address_that_is_not_set_is_not_asked(connected: Settings) -> None:
    assert asyncio.run(check_address(connected)) == []


def test_the_address_leads_here(connected: Settings, service: str) -> None:
    found = asyncio.run(check_address(at(connected, service)))
    assert [level_of(one) for one in found] == ["ok"] * 3
    assert {one.subject for one in found} >= {"store alpha: webhook address", "store beta: webhook address"}


def test_another_store_than_the_service_knows(connected: Settings, service: str) -> None:
    here = connected.model_copy(update={"stores": {**connected.stores, "gamma": connected.stores["beta"]}})
    assert codes(asyncio.run(check_address(at(here, service)))) == ["webhook_store_unknown"]


def test_the_address_of_something_else(connected: Settings, world: World) -> None:
    assert codes(asyncio.run(check_address(at(connected, world.url)))) == ["public_url_elsewhere"]


def test_an_address_where_nothing_listens(connected: Settings) -> None:
    found = asyncio.run(check_address(at(connected, f"http://127.0.0.1:{free_port()}")))
    assert codes(found, "warning") == ["public_url_unreachable"]


def test_an_address_that_nobody_knows(connected: Settings) -> None:
    assert codes(asyncio.run(check_address(at(connected, "https://makegood.invalid")))) == ["public_url_unknown_host"]


class Proxy(BaseHTTPRequestHandler):
    """A proxy that answers by itself: `status` by method, and a `Date` of long ago."""

    answers: dict[str, int] = {"GET": 200, "POST": 200, "HEAD": 200}
    version = "0.0.1"

    def do_GET(self) -> None:
        self._say(b'{"status": "ok", "version": "%s"}' % self.version.encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._say(b"<html>blocked</html>")

    do_HEAD = do_GET

    def _say(self, body: bytes) -> None:
        self.send_response_only(self.answers[self.command])
        self.send_header("Date", "Sun, 01 Nov 2026 08:00:00 GMT")
        self.send_header("Location", "https://www.elsewhere.example/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def proxy(certificate: Path | None = None, **answers: int) -> Iterator[str]:
    handler = type("Answering", (Proxy,), {"answers": {**Proxy.answers, **answers}})
    server = HTTPServer(("127.0.0.1", 0), handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_address_that_redirects(connected: Settings) -> None:
    with proxy(GET=301) as url:
        assert codes(asyncio.run(check_address(at(connected, url)))) == ["public_url_redirects"]


@pytest.mark.parametrize("status", [403, 404, 413])
def test_a_proxy_that_keeps_deliveries_to_itself(connected: Settings, status: int) -> None:
    with proxy(POST=status) as url:
        found = asyncio.run(check_address(at(connected, url)))
    assert codes(found) == ["webhook_blocked", "webhook_blocked"]
    # And what answers there is not of this version.
    assert codes(found, "warning") == ["public_url_version"]


def test_a_certificate_that_no_store_would_take(connected: Settings, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    key, cert, both = tmp_path / "key.pem", tmp_path / "cert.pem", tmp_path / "both.pem"
    subject = ["-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    subprocess.run([openssl, "req", "-x509", *subject, "-keyout", key, "-out", cert], check=True, capture_output=True)
    both.write_text(key.read_text() + cert.read_text())
    with proxy(both) as url:
        assert codes(asyncio.run(check_address(at(connected, url)))) == ["public_url_certificate"]


def test_the_clocks_of_the_stores(connected: Settings) -> None:
    found = asyncio.run(check_store_clocks(connected))
    assert [level_of(one) for one in found] == ["ok", "ok"]
    with proxy() as url:
        connected.stores["beta"].url = url
        found = asyncio.run(check_store_clocks(connected))
    assert codes(found) == ["store_clock_off"]
    assert found[1].subject == "store beta: clock"


def test_a_store_that_does_not_answer_has_no_clock(connected: Settings) -> None:
    connected.stores["beta"].url = f"http://127.0.0.1:{free_port()}"
    assert [one.subject for one in asyncio.run(check_store_clocks(connected))] == ["store alpha: clock"]
