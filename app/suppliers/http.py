"""The generic HTTP channel: a supplier that implements Makegood's own small API.

Every call may be sent again with the same key, so nothing is retried here: the caller does that, later.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from app import calls
from app.errors import ConfigError
from app.http import tls_context
from app.orders import reading
from app.outcomes import Ok, Rejected, Unknown
from app.pace.base import NOTHING_TOLD, NoTurn, Pace, Told, Unpaced
from app.suppliers.base import SupplierAnswer, SupplierOutcome, SupplierStatus
from app.suppliers.events import SupplierNonsense, answer_from

# Seconds. A supplier may look the order up in a slow system of its own, but a job must not hang on it: the phases
# bound each step, the whole bounds a server that sends one byte at a time.
_PHASES = httpx.Timeout(connect=5.0, read=30.0, write=15.0, pool=5.0)
_WHOLE_CALL = 60.0
_LARGEST_BODY = 256 * 1024
_LONGEST_WAIT = 24 * 3600.0
_ANSWERED = (200, 201, 202)
_RETURN_IN_PATH = re.compile(r"(?<=^/returns/)[^/]+")
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)


class HttpSupplier:
    """Speaks to a supplier over HTTPS. No method raises for anything the supplier or the network does.

    `webhook_secret` is a Standard Webhooks secret (`whsec_…`); raises `ConfigError` when it is not one. A `client`
    that is given stays the caller's to close.
    """

    has_api = True

    def __init__(
        self,
        key: str,
        *,
        base_url: str,
        api_token: str,
        webhook_secret: str,
        client: httpx.AsyncClient | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._pace = pace or Unpaced()
        self.key = key
        self._base_url = base_url.rstrip("/")
        self._api_token = api_token
        self._webhook = _webhook(key, webhook_secret)
        self._owns_client = client is None
        self._client = client or httpx.AsyncClient(verify=tls_context())

    async def open_return(self, body: Mapping[str, Any], idempotency_key: str) -> SupplierOutcome:
        """Asks for authorisation with `POST /returns`. The same key gets the same answer."""
        reply = await self._post("/returns", body, idempotency_key, f"msg_{idempotency_key}")
        return _answer_in(reply) if isinstance(reply, bytes) else reply

    async def poll(self, return_id: str) -> SupplierOutcome:
        """Asks where the return stands with `GET /returns/{id}`."""
        reply = await self._call("GET", _path(return_id), b"", {}, not_found="supplier_unknown_return")
        return _answer_in(reply) if isinstance(reply, bytes) else reply

    async def cancel(self, return_id: str) -> SupplierOutcome:
        """Withdraws with `POST /returns/{id}/cancel`; any good answer counts, whatever its body says."""
        path, body = f"{_path(return_id)}/cancel", {"return_id": return_id}
        unknown = "supplier_unknown_return"
        reply = await self._post(path, body, return_id, f"msg_{return_id}_cancel", not_found=unknown)
        return Ok(SupplierAnswer(SupplierStatus.PENDING)) if isinstance(reply, bytes) else reply

    async def aclose(self) -> None:
        """Gives back connections, unless the client was the caller's."""
        if self._owns_client:
            await self._client.aclose()

    async def _post(
        self,
        path: str,
        body: Mapping[str, Any],
        idempotency_key: str,
        message_id: str,
        not_found: str = "supplier_refused_call",
    ) -> bytes | Rejected | Unknown:
        content = json.dumps(body, separators=(",", ":"), sort_keys=True, allow_nan=False)
        now = datetime.now(UTC)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": idempotency_key,
            "webhook-id": message_id,
            "webhook-timestamp": str(math.floor(now.timestamp())),
            "webhook-signature": self._webhook.sign(message_id, now, content),
        }
        return await self._call("POST", path, content.encode(), headers, not_found)

    async def _call(
        self,
        method: str,
        path: str,
        content: bytes,
        headers: Mapping[str, str],
        not_found: str = "supplier_refused_call",
    ) -> bytes | Rejected | Unknown:
        request = self._client.build_request(
            method,
            self._base_url + path,
            content=content,
            timeout=_PHASES,
            headers={
                "Authorization": f"Bearer {self._api_token}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                **headers,
            },
        )
        with calls.to_supplier(self.key, f"{method} {_RETURN_IN_PATH.sub('{id}', path)}") as call:
            reply = await self._exchange(request, not_found)
            if not isinstance(reply, bytes):
                call.failed(reply.code)
            return reply

    async def _exchange(self, request: httpx.Request, not_found: str) -> bytes | Rejected | Unknown:
        try:
            turn = await self._pace.take()
        except NoTurn as no:
            return Rejected("supplier_paced", f"It is not asked now: {no}", retryable=True, retry_after=no.wait)
        told = NOTHING_TOLD
        try:
            answer = await self._answered(request, not_found)
            told = _told(answer)
        finally:
            await turn.end(told)
        return answer

    async def _answered(self, request: httpx.Request, not_found: str) -> bytes | Rejected | Unknown:
        try:
            async with asyncio.timeout(_WHOLE_CALL):
                response = await self._client.send(request, stream=True, follow_redirects=False)
                try:
                    return await _read(response, not_found)
                finally:
                    await response.aclose()
        except httpx.DecodingError:
            return _nonsense("The supplier's answer cannot be unpacked")
        except (httpx.TransportError, TimeoutError) as error:
            return Unknown("supplier_no_answer", f"The supplier did not answer: {type(error).__name__}")


def _webhook(key: str, secret: str) -> Webhook:
    try:
        return Webhook(secret)
    except (EmptyWebhookSecretError, ValueError):
        setting = f"MAKEGOOD_SUPPLIERS__{key.upper()}__WEBHOOK_SECRET"
        raise ConfigError(f"{setting} must be whsec_ followed by base64") from None


def _path(return_id: str) -> str:
    return f"/returns/{quote(return_id, safe='')}"


async def _read(response: httpx.Response, not_found: str) -> bytes | Rejected:
    status = response.status_code
    if status in _ANSWERED:
        return await _body(response)
    if status == 429 or status >= 500:
        wait = _retry_after(response.headers.get("retry-after"))
        code = "supplier_throttles" if status == 429 else "supplier_busy"
        return Rejected(code, f"The supplier answered HTTP {status}", retryable=True, retry_after=wait)
    if 400 <= status < 500:
        code = not_found if status == 404 else "supplier_refused_call"
        return Rejected(code, f"The supplier answered HTTP {status}")
    return _nonsense(f"The supplier answered HTTP {status}, which is no answer to this call")


def _told(answer: bytes | Rejected | Unknown) -> Told:
    if isinstance(answer, Rejected) and answer.code == "supplier_throttles":
        return Told(hold=answer.retry_after, throttled=True)
    return NOTHING_TOLD


async def _body(response: httpx.Response) -> bytes | Rejected:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST_BODY:
            return _nonsense(f"The supplier's answer is larger than {_LARGEST_BODY} bytes")
    return bytes(body)


def _answer_in(body: bytes) -> SupplierOutcome:
    try:
        return Ok(answer_from(reading.parse_object(body)))
    except SupplierNonsense as error:
        return _nonsense(error.detail)
    except reading.UnreadablePayload:
        return _nonsense("The supplier's answer is not a JSON object")


def _nonsense(detail: str) -> Rejected:
    return Rejected(SupplierNonsense.code, detail)


def _retry_after(value: str | None) -> float | None:
    # RFC 9110: whole seconds or a date. More than a day is cut: a supplier must not silence a case for ever.
    if value is None:
        return None
    if _SECONDS.fullmatch(value.strip()):
        return min(float(value), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(value)
        wait = ((until if until.tzinfo else until.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, 0.0), _LONGEST_WAIT)
