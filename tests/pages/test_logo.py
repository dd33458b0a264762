"""A store's logo: a picture by content, which a browser shows and never runs."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient
from PIL import Image

from app.doctor_settings import check_settings
from app.main import create_app
from app.pages.logo import MOST_BYTES, LogoFault, read_logo
from app.runtime import build_runtime
from app.settings import Settings
from tests.pages.reading import read

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 20), "#2f6f62").save(out, kind)
    return out.getvalue()


def put(file: Path, content: bytes | None) -> None:
    """Has the file hold this, or takes it away."""
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)


@pytest.fixture
def file(settings: Settings, tmp_path: Path) -> Path:
    """The file of alpha's logo."""
    settings.stores["alpha"].logo = tmp_path / "logo.svg"
    (tmp_path / "logo.svg").write_bytes(picture("PNG"))
    return tmp_path / "logo.svg"


@pytest.fixture
async def http(settings: Settings) -> AsyncIterator[AsyncClient]:
    """The service without a database."""
    runtime = build_runtime(settings, "postgresql://127.0.0.1:9/nothing")
    transport = ASGITransport(app=create_app(runtime), raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://makegood.test") as client:
        yield client
    await runtime.aclose()


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
async def test_it_is_served_as_what_it_is(http: AsyncClient, file: Path, kind: str, media_type: str) -> None:
    put(file, picture(kind))
    answer = await http.get("/pages/ALPHA/logo")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    again = await http.get("/pages/alpha/logo", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_pages_show_it_and_may_load_it_from_here_only(http: AsyncClient, file: Path) -> None:
    answer = await http.get("/policy/alpha")
    [image] = read(answer.text).all("img")
    assert image.attributes["src"] == "/pages/alpha/logo"
    assert "img-src 'self' data:;" in answer.headers["content-security-policy"]
    assert not read((await http.get("/policy/beta")).text).all("img")


@pytest.mark.parametrize(
    "content", [SVG, b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"<html>", picture("PNG") + b"0" * MOST_BYTES]
)
async def test_anything_else_is_not_served_and_named_by_the_doctor(
    http: AsyncClient, settings: Settings, file: Path, content: bytes
) -> None:
    put(file, content)
    assert (await http.get("/pages/alpha/logo")).status_code == 404
    [found] = [one for one in check_settings(settings) if one.subject == "logo of alpha"]
    assert (found.ok, found.code) == (False, "logo_unusable")
    assert "STORES__ALPHA__LOGO" in found.mend


async def test_a_missing_file_and_a_store_without_one(http: AsyncClient, settings: Settings, file: Path) -> None:
    [found] = [one for one in check_settings(settings) if one.subject == "logo of alpha"]
    assert found.ok
    put(file, None)
    with pytest.raises(LogoFault, match="cannot be read"):
        read_logo(file)
    for path in ("/pages/alpha/logo", "/pages/beta/logo", "/pages/nobody/logo"):
        assert (await http.get(path)).status_code == 404
