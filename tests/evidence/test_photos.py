"""Photos from upload to sight: signed links, reuse, suppliers, sweeping."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient
from sqlalchemy import func, select, text

from app import links
from app.clock import MovableClock
from app.evidence import tasks
from app.evidence.keeping import keep as keep_photos
from app.evidence.links import photo_url
from app.evidence.models import Photo
from app.evidence.pictures import clean
from app.evidence.showing import shown_to_supplier
from app.links import LinkPurpose
from app.runtime import Runtime
from app.suppliers import calls
from tests.api.kit import V1, case_in, keep, lamp, order_of, submit
from tests.evidence.pictures import file_of, scene

Json = dict[str, Any]


@pytest.fixture
def clock(runtime: Runtime) -> MovableClock:
    """A clock that the test moves."""
    moved = MovableClock()
    runtime.clock = moved
    return moved


async def show(client: AsyncClient, case: Json, *raws: bytes) -> list[Json]:
    """Adds photos to a case; answers its photos, newest first."""
    files = [("photos", ("a.jpg", raw, "image/jpeg")) for raw in raws]
    answer = await client.post(f"{V1}/cases/{case['id']}/evidence", files=files)
    assert answer.status_code == 201, answer.text
    return [one for one in answer.json()["items"] if one["kind"] == "photo"]


async def another_case(client: AsyncClient, runtime: Runtime, number: str) -> Json:
    """A case of another order."""
    await keep(runtime, order_of(f"51966952{number}", f"#{number}"))
    found: Json = (await submit(client, lamp(), order=f"#{number}"))["cases"][0]
    return found


async def count(runtime: Runtime) -> int:
    async with runtime.work() as work:
        return int(await work.session.scalar(select(func.count()).select_from(Photo)) or 0)


async def test_a_photo_is_seen_by_its_link_and_by_nothing_else(client: AsyncClient, runtime: Runtime) -> None:
    case = await case_in(client, runtime, "authorizing")
    (shown,) = await show(client, case, file_of(scene(1), "HEIF"))
    for name, side in (("url", 800), ("thumbnail_url", 320)):
        path = shown[name].removeprefix(runtime.settings.public_url)
        seen = await client.get(path, headers={"Authorization": ""})
        assert seen.status_code == 200
        assert seen.headers["content-type"] == "image/jpeg"
        assert seen.headers["x-content-type-options"] == "nosniff"
        assert seen.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert seen.headers["cache-control"] == "private, max-age=3600"
        assert seen.headers["referrer-policy"] == "no-referrer"
        assert clean(seen.content).width == side
    for bad in ("x", f"{path.removeprefix('/photos/')}x", "a.b", str(uuid4())):
        assert (await client.get(f"/photos/{bad}")).status_code == 404


async def test_links_end_and_are_for_photos_only(client: AsyncClient, runtime: Runtime, clock: MovableClock) -> None:
    case = await case_in(client, runtime, "authorizing")
    (shown,) = await show(client, case, file_of(scene(1)))
    path = shown["url"].removeprefix(runtime.settings.public_url)
    other = links.sign(runtime.settings, LinkPurpose.SUPPLIER, str(uuid4()), clock.now(), days=9)
    assert (await client.get(f"/photos/{other}")).status_code == 404
    strange = links.sign(runtime.settings, LinkPurpose.PHOTO, "../../etc/passwd", clock.now(), days=9)
    assert (await client.get(f"/photos/{strange}")).status_code == 404
    clock.move(timedelta(days=7))
    assert (await client.get(path)).status_code == 200
    clock.move(timedelta(days=1, minutes=1))
    assert (await client.get(path)).status_code == 410


async def test_all_day_the_link_is_the_same(runtime: Runtime) -> None:
    """So that a browser finds the photo in its cache, and a repeated answer says the same."""
    morning = runtime.clock.now().replace(hour=6, minute=0)
    photo_id = UUID("0199f5a2-0000-7000-8000-000000000004")
    first = photo_url(runtime.settings, photo_id, morning)
    assert first == photo_url(runtime.settings, photo_id, morning + timedelta(hours=12))
    assert first != photo_url(runtime.settings, photo_id, morning + timedelta(hours=24))


@pytest.mark.parametrize("changed", [False, True])
async def test_a_photo_of_another_request_is_pointed_out(client: AsyncClient, runtime: Runtime, changed: bool) -> None:
    first = await case_in(client, runtime, "authorizing")
    await show(client, first, file_of(scene(1)), file_of(scene(2)))
    second = await another_case(client, runtime, "2201")
    again = file_of(scene(1).resize((500, 375)), "JPEG", quality=40) if changed else file_of(scene(1))
    await show(client, second, again, file_of(scene(3)))
    told = (await client.get(f"{V1}/cases/{second['id']}")).json()
    assert "problem:photo_reused" in told["attention"]
    assert any("shown before in another request" in why for why in told["attention_why"])
    trail = (await client.get(f"{V1}/cases/{second['id']}/events")).json()["items"]
    (note,) = [one for one in trail if one["data"].get("problem") == "photo_reused"]
    assert first["reference"] in note["data"]["text"]
    assert "problem:photo_reused" not in (await client.get(f"{V1}/cases/{first['id']}")).json()["attention"]


async def test_one_request_may_show_a_photo_for_each_of_its_cases(client: AsyncClient, runtime: Runtime) -> None:
    await keep(runtime, order_of())
    mug = {"line_id": "12695210000534", "quantity": 1, "reason": "changed_mind"}
    cases = (await submit(client, lamp(), mug))["cases"]
    assert len(cases) == 2
    for case in cases:
        await show(client, case, file_of(scene(1)))
        assert "problem:photo_reused" not in (await client.get(f"{V1}/cases/{case['id']}")).json()["attention"]


async def test_blank_photos_are_not_taken_for_each_other(client: AsyncClient, runtime: Runtime) -> None:
    from PIL import Image

    first = await case_in(client, runtime, "authorizing")
    await show(client, first, file_of(Image.new("RGB", (300, 200), "white")))
    second = await another_case(client, runtime, "2201")
    await show(client, second, file_of(Image.new("RGB", (200, 300), "white")))
    assert "problem:photo_reused" not in (await client.get(f"{V1}/cases/{second['id']}")).json()["attention"]


async def test_suppliers_get_links_that_do_not_change(
    client: AsyncClient, runtime: Runtime, clock: MovableClock
) -> None:
    """The same call again has the same body; what a supplier showed itself is not sent back to it."""
    case = await case_in(client, runtime, "authorizing")
    await show(client, case, file_of(scene(1)), file_of(scene(2)))
    async with runtime.work() as work:
        await work.session.execute(
            text("UPDATE evidence SET added_by = 'supplier:acme' WHERE id = (SELECT max(id::text)::uuid FROM evidence)")
        )
    bodies = []
    for _ in range(2):
        async with runtime.work() as work:
            found = await calls.case_of_return(work, "acme", case["id"])
            assert found
            photos = await shown_to_supplier(work, found)
            from app.cases import service as cases

            locked = await cases.lock(work, found)
            bodies.append(calls.body_of(locked, await calls.order_of(work, locked), "https://x", photos))
        clock.move(timedelta(days=30))
    assert bodies[0] == bodies[1]
    (link,) = bodies[0]["lines"][0]["evidence"]
    assert (await client.get(link.removeprefix(runtime.settings.public_url))).status_code == 200


async def test_what_becomes_no_evidence_is_deleted_after_a_day(runtime: Runtime, clock: MovableClock) -> None:
    await keep_photos(runtime, [clean(file_of(scene(1)))])
    clock.move(timedelta(hours=23))
    await tasks.sweep(runtime)
    assert await count(runtime) == 1
    clock.move(timedelta(hours=2))
    await tasks.sweep(runtime)
    assert await count(runtime) == 0


async def test_evidence_stays(client: AsyncClient, runtime: Runtime, clock: MovableClock) -> None:
    """The same file a second time is stored once: the second copy goes after a day."""
    case = await case_in(client, runtime, "authorizing")
    for _ in range(2):
        (shown,) = await show(client, case, file_of(scene(1)))
    assert await count(runtime) == 2
    clock.move(timedelta(days=2))
    await tasks.sweep(runtime)
    assert await count(runtime) == 1
    assert (await client.get(shown["url"].removeprefix(runtime.settings.public_url))).status_code == 200


async def test_an_erased_photo_is_seen_by_nobody(client: AsyncClient, runtime: Runtime) -> None:
    case = await case_in(client, runtime, "authorizing")
    (shown,) = await show(client, case, file_of(scene(1)))
    async with runtime.work() as work:
        for photo in await work.session.scalars(select(Photo)):
            photo.empty(work.now)
    assert (await client.get(shown["url"].removeprefix(runtime.settings.public_url))).status_code == 404
    assert (await client.get(shown["thumbnail_url"].removeprefix(runtime.settings.public_url))).status_code == 404
    assert (await client.get(f"{V1}/cases/{case['id']}/evidence/{shown['id']}")).status_code == 404
