"""Photos in S3-compatible storage: a real server of the protocol on loopback, and one that fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient
from moto.server import ThreadedMotoServer
from pydantic import ValidationError
from sqlalchemy import select

from app.clock import MovableClock
from app.doctor_outside import check_photos
from app.evidence import tasks
from app.evidence.bucket import BucketUnavailable, PhotoBucket
from app.evidence.keeping import content_of
from app.evidence.keeping import keep as keep_photos
from app.evidence.models import Photo
from app.evidence.pictures import clean
from app.runtime import Runtime, build_runtime
from app.settings import Settings
from tests.api.kit import V1, case_in
from tests.conftest import BASE_SETTINGS
from tests.evidence.pictures import file_of, scene

Client = Any
SECRET = "bucket-secret-0123456789"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str) -> Iterator[PhotoBucket]:
    """An empty bucket."""
    made = PhotoBucket(s3, "photos-test", "key", SECRET, "us-east-1")
    made._client.make_bucket("photos-test")
    yield made
    for item in made._client.list_objects("photos-test", recursive=True):
        made._client.remove_object("photos-test", item.object_name)
    made._client.remove_bucket("photos-test")
    made.close()


def objects(bucket: PhotoBucket) -> list[str]:
    """The keys in it."""
    return sorted(str(item.object_name) for item in bucket._client.list_objects(bucket.name, recursive=True))


@pytest.fixture
async def runtime(database_url: str, settings: Settings, bucket: PhotoBucket, s3: str) -> AsyncIterator[Runtime]:
    """The service with its photos in the bucket."""
    told: dict[str, Any] = {
        "photos_s3_url": s3,
        "photos_s3_bucket": bucket.name,
        "photos_s3_access_key": "key",
        "photos_s3_secret_key": SECRET,
    }
    built = build_runtime(Settings(**BASE_SETTINGS, **told), database_url, pool_size=4)
    built.clock = MovableClock()
    yield built
    await built.aclose()


async def shown(client: AsyncClient, case: dict[str, Any], seed: int = 1) -> dict[str, Any]:
    files = {"photos": ("a.jpg", file_of(scene(seed)), "image/jpeg")}
    answer = await client.post(f"{V1}/cases/{case['id']}/evidence", files=files)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()["items"][0]
    return found


async def test_photos_lie_in_the_bucket_and_are_shown_from_there(
    client: AsyncClient, runtime: Runtime, bucket: PhotoBucket
) -> None:
    case = await case_in(client, runtime, "authorizing")
    told = await shown(client, case)
    async with runtime.work() as work:
        photo = (await work.session.execute(select(Photo))).scalar_one()
        assert (photo.bucket_key, await work.session.scalar(select(Photo.content))) == (f"photos/{photo.id}.jpg", None)
    assert objects(bucket) == [f"photos/{photo.id}.jpg"]
    for name in ("url", "thumbnail_url"):
        seen = await client.get(told[name].removeprefix(runtime.settings.public_url))
        assert (seen.status_code, seen.content[:3]) == (200, b"\xff\xd8\xff")
    whole = await client.get(f"{V1}/cases/{case['id']}/evidence/{told['id']}")
    assert clean(whole.content).width == 800


async def test_what_is_erased_leaves_the_bucket(client: AsyncClient, runtime: Runtime, bucket: PhotoBucket) -> None:
    case = await case_in(client, runtime, "authorizing")
    await shown(client, case)
    async with runtime.work() as work:
        (await work.session.execute(select(Photo))).scalar_one().empty(work.now)
    await tasks.sweep(runtime)
    assert objects(bucket) == []
    async with runtime.work() as work:
        row = (await work.session.execute(select(Photo))).scalar_one()
        assert (row.bucket_key, row.sweep_at) == (None, None)


async def test_orphans_are_swept(runtime: Runtime, bucket: PhotoBucket) -> None:
    """A photo that nobody claimed, and one whose process died between row and object."""
    clock = runtime.clock
    assert isinstance(clock, MovableClock)
    (photo_id,) = await keep_photos(runtime, [clean(file_of(scene(1)))])
    async with runtime.work() as work:
        row = Photo(sha256="x", bucket_key="photos/never.jpg", created_at=work.now, sweep_at=work.now)
        work.session.add(row)
    assert await content_of(runtime, row.id) is None
    await tasks.sweep(runtime)
    assert objects(bucket) == [f"photos/{photo_id}.jpg"]
    clock.move(timedelta(days=1, minutes=1))
    await tasks.sweep(runtime)
    assert objects(bucket) == []
    async with runtime.work() as work:
        assert (await work.session.scalars(select(Photo))).all() == []


async def test_a_storage_that_fails_is_said_and_leaves_nothing_behind(
    client: AsyncClient, runtime: Runtime, bucket: PhotoBucket
) -> None:
    case = await case_in(client, runtime, "authorizing")
    working = runtime.photos
    runtime.photos = PhotoBucket("http://127.0.0.1:9", bucket.name, "key", SECRET, "us-east-1")
    files = {"photos": ("a.jpg", file_of(scene(1)), "image/jpeg")}
    answer = await client.post(f"{V1}/cases/{case['id']}/evidence", files=files)
    assert (answer.status_code, answer.json()["code"]) == (503, "photos_unavailable")
    assert SECRET not in answer.text
    assert (await client.get(f"{V1}/cases/{case['id']}/evidence")).json()["items"] == []
    clock = runtime.clock
    assert isinstance(clock, MovableClock)
    clock.move(timedelta(days=2))
    # The object cannot be deleted now: the row waits, and the next try succeeds.
    await tasks.sweep(runtime)
    runtime.photos = working
    await tasks.sweep(runtime)
    async with runtime.work() as work:
        assert len((await work.session.scalars(select(Photo))).all()) == 1
    clock.move(timedelta(minutes=11))
    await tasks.sweep(runtime)
    async with runtime.work() as work:
        assert (await work.session.scalars(select(Photo))).all() == []


async def test_a_wrong_key_is_told_without_the_key(s3: str) -> None:
    gone = PhotoBucket(s3, "no-such-bucket", "key", SECRET, "us-east-1")
    with pytest.raises(BucketUnavailable) as raised:
        await gone.put("photos/a.jpg", b"x", "image/jpeg")
    assert "NoSuchBucket" in raised.value.detail
    assert SECRET not in raised.value.detail
    gone.close()


@pytest.mark.parametrize("missing", ["photos_s3_bucket", "photos_s3_access_key", "photos_s3_secret_key"])
def test_half_of_the_settings_is_a_mistake(settings: Settings, missing: str) -> None:
    told: dict[str, Any] = {
        "photos_s3_url": "https://s3.example",
        "photos_s3_bucket": "b",
        "photos_s3_access_key": "k",
        "photos_s3_secret_key": SECRET,
    }
    with pytest.raises(ValidationError, match="PHOTOS_S3_BUCKET"):
        Settings(**{name: value for name, value in told.items() if name != missing})


async def test_the_doctor_looks_for_the_bucket(settings: Settings, s3: str, bucket: PhotoBucket) -> None:
    told: dict[str, Any] = {"photos_s3_url": s3, "photos_s3_access_key": "key", "photos_s3_secret_key": SECRET}
    assert await check_photos(settings) == []
    (good,) = await check_photos(Settings(**BASE_SETTINGS, **told, photos_s3_bucket=bucket.name))
    (bad,) = await check_photos(Settings(**BASE_SETTINGS, **told, photos_s3_bucket="not-there"))
    assert (good.ok, bad.ok, bad.detail) == (True, False, "there is no such bucket")
    assert bad.code == "photos_no_bucket"
    told["photos_s3_url"] = "http://127.0.0.1:9"
    (silent,) = await check_photos(Settings(**BASE_SETTINGS, **told, photos_s3_bucket=bucket.name))
    assert silent.code == "photos_unusable"
    assert (silent.ok, bool(silent.mend), SECRET in silent.detail) == (False, True, False)
