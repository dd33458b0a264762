"""Evidence on behalf of the customer."""

from __future__ import annotations

import io
from typing import Any

import pytest
from httpx import AsyncClient
from PIL import Image

from app.limits import MOST_BYTES
from app.runtime import Runtime
from tests.api.kit import V1, VIEWER, act, case_in

LINK = "https://photos.example/lamp.jpg"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64


async def test_links_and_answers(client: AsyncClient, runtime: Runtime) -> None:
    """What was asked for arrives: it is kept, shown, and the case goes back to the operator."""
    case = await case_in(client, runtime, "evidence_needed")
    body = {"links": [LINK], "answers": ["It broke on day two."]}
    answer = await client.post(f"{V1}/cases/{case['reference']}/evidence", json=body)
    assert answer.status_code == 201
    told = [(one["kind"], one["url"], one["text"], one["added_by"]) for one in answer.json()["items"]]
    assert told == [
        ("answer", None, "It broke on day two.", "operator:ops"),
        ("link", LINK, None, "operator:ops"),
    ]
    shown = await client.get(f"{V1}/cases/{case['id']}/evidence", headers=VIEWER)
    assert shown.json() == answer.json()
    assert (await client.get(f"{V1}/cases/{case['id']}")).json()["state"] == "under_review"


async def test_the_same_again_changes_nothing(client: AsyncClient, runtime: Runtime) -> None:
    """No second row, and no event."""
    case = await case_in(client, runtime, "authorizing")
    for _ in range(2):
        answer = await client.post(f"{V1}/cases/{case['id']}/evidence", json={"links": [LINK, LINK]})
        assert (answer.status_code, len(answer.json()["items"])) == (201, 1)
    trail = (await client.get(f"{V1}/cases/{case['id']}/events")).json()["items"]
    assert [one["type"] for one in trail].count("evidence_added") == 1


async def test_pages_of_evidence(client: AsyncClient, runtime: Runtime) -> None:
    """Newest first, each once."""
    case = await case_in(client, runtime, "authorizing")
    await client.post(f"{V1}/cases/{case['id']}/evidence", json={"answers": ["one", "two", "three"]})
    first = (await client.get(f"{V1}/cases/{case['id']}/evidence?limit=2")).json()
    rest = (await client.get(f"{V1}/cases/{case['id']}/evidence?limit=2&cursor={first['next_cursor']}")).json()
    assert [one["text"] for one in first["items"] + rest["items"]] == ["three", "two", "one"]
    assert rest["next_cursor"] is None


async def test_a_form_of_texts_is_taken(client: AsyncClient, runtime: Runtime) -> None:
    """As fields of a form, of either kind."""
    case = await case_in(client, runtime, "authorizing")
    fields = [("answers", (None, "one")), ("answers", (None, "two")), ("links", (None, LINK))]
    answer = await client.post(f"{V1}/cases/{case['id']}/evidence", files=fields)
    assert (answer.status_code, len(answer.json()["items"])) == (201, 3)
    answer = await client.post(f"{V1}/cases/{case['id']}/evidence", data={"answers": "three"})
    assert (answer.status_code, len(answer.json()["items"])) == (201, 4)


def picture(kind: str, size: tuple[int, int] = (40, 20), **more: Any) -> bytes:
    """A picture file of that kind."""
    written = io.BytesIO()
    Image.new("RGB", size, "red").save(written, kind, **more)
    return written.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_photos_are_kept_as_clean_pictures(client: AsyncClient, runtime: Runtime, kind: str) -> None:
    """Written anew without metadata, shown to be saved; the same file again changes nothing."""
    case = await case_in(client, runtime, "evidence_needed")
    exif = Image.Exif()
    exif[0x0110] = "secret camera"
    raw = picture(kind, exif=exif)
    for _ in range(2):
        photo = {"photos": ("../../lamp.exe", raw, "text/html")}
        answer = await client.post(f"{V1}/cases/{case['id']}/evidence", files=photo, data={"answers": "one"})
        assert answer.status_code == 201
    (told,) = [one for one in answer.json()["items"] if one["kind"] == "photo"]
    shown = await client.get(f"{V1}/cases/{case['id']}/evidence/{told['id']}", headers=VIEWER)
    assert (shown.headers["content-type"], shown.headers["x-content-type-options"]) == ("image/jpeg", "nosniff")
    assert shown.headers["content-disposition"].startswith("attachment")
    with Image.open(io.BytesIO(shown.content)) as kept:
        assert (kept.format, kept.size, len(kept.getexif())) == ("JPEG", (40, 20), 0)
    assert b"secret camera" not in shown.content


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (PNG, 415, "photo_not_readable"),
        (b"<svg onload='alert(1)'/>", 415, "photo_not_readable"),
        (b"", 415, "photo_not_readable"),
        (b"x" * (10 * 1024 * 1024 + 1), 413, "photo_too_large"),
        (picture("PNG", (9000, 9000)), 413, "photo_too_large"),
    ],
)
async def test_what_is_no_photo_is_refused(
    client: AsyncClient, runtime: Runtime, raw: bytes, status: int, code: str
) -> None:
    """By what it is and not by its name; nothing is stored."""
    case = await case_in(client, runtime, "authorizing")
    photo = {"photos": ("lamp.png", raw, "image/png")}
    answer = await client.post(f"{V1}/cases/{case['id']}/evidence", files=photo, data={"answers": "one"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await client.get(f"{V1}/cases/{case['id']}/evidence")).json()["items"] == []


@pytest.mark.parametrize(
    ("kind", "content", "status"),
    [
        ("application/json", b"{}", 422),
        ("application/json", b"{", 422),
        ("application/json", b"", 422),
        ("application/json", b'{"links": ["http://photos.example/1"]}', 422),
        ("application/json", b'{"links": ["javascript:alert(1)"]}', 422),
        ("application/json", b'{"answers": ["a\\u0000b"]}', 422),
        ("application/json", b'{"answers": ["\\ud800"]}', 422),
        ("application/json", b'{"answers": ["x"], "more": 1}', 422),
        ("application/json", b'{"answers": [' + b'"x",' * 10 + b'"x"]}', 422),
        ("application/json", b" " * (MOST_BYTES + 1), 413),
        ("multipart/form-data", b"no boundary", 422),
        ("multipart/form-data; boundary=b", b"--b\r\nbroken", 422),
        ("application/x-www-form-urlencoded", b"surprise=1", 422),
        ("text/plain", b"hello", 415),
        ("", b"", 415),
    ],
)
async def test_what_cannot_be_read(
    client: AsyncClient, runtime: Runtime, kind: str, content: bytes, status: int
) -> None:
    """Each with a problem that says so."""
    case = await case_in(client, runtime, "authorizing")
    headers = {"Content-Type": kind} if kind else {}
    answer = await client.post(f"{V1}/cases/{case['id']}/evidence", content=content, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_ended_case_takes_none(client: AsyncClient, runtime: Runtime) -> None:
    """409 with what is allowed; reopened, it takes it."""
    case = await case_in(client, runtime, "cancelled")
    answer = await client.post(f"{V1}/cases/{case['id']}/evidence", json={"links": [LINK]})
    assert (answer.status_code, answer.json()["code"]) == (409, "transition_not_allowed")
    assert "reopen" in answer.json()["allowed_actions"]
    await act(client, case, "reopen", reason="new photos")
    assert (await client.post(f"{V1}/cases/{case['id']}/evidence", json={"links": [LINK]})).status_code == 201


async def test_a_key_makes_a_repeat_safe(client: AsyncClient, runtime: Runtime) -> None:
    """Also for a form, whose boundary is another each time."""
    case = await case_in(client, runtime, "authorizing")
    path, headers = f"{V1}/cases/{case['id']}/evidence", {"Idempotency-Key": "photos-1"}
    first = await client.post(path, files=[("answers", (None, "one"))], headers=headers)
    again = await client.post(path, files=[("answers", (None, "one"))], headers=headers)
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
