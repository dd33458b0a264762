"""Photos in S3-compatible storage: put, got and deleted by key. The one place that knows the client `minio`."""

from __future__ import annotations

import asyncio
import functools
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import urllib3

from app.errors import ConfigError, Unavailable
from app.settings import Settings

if TYPE_CHECKING:
    from minio import Minio

T = TypeVar("T")

# Seconds. A photo has less than two megabytes when it is kept; a page waits for it.
_TIMES = urllib3.Timeout(connect=5.0, read=20.0)
# A photo as we write it is never larger; whatever else lies under its key is not ours to show.
_LARGEST = 16 * 1024 * 1024


class BucketUnavailable(Unavailable):
    """The storage of photos does not answer, or refuses; trying again later is harmless."""

    code = "photos_unavailable"
    title = "Photos cannot be stored or shown now"


class PhotoBucket:
    """One bucket. Every call can be made again: a key is written once and always with the same content."""

    def __init__(self, url: str, bucket: str, access_key: str, secret_key: str, region: str) -> None:
        """Raises `ConfigError` where the client is not installed (extra `s3`)."""
        try:
            from minio import Minio
        except ImportError:
            raise ConfigError("PHOTOS_S3_URL is set, and the client is missing: install makegood[s3].") from None
        parts = urlsplit(url)
        self.name = bucket
        self._pool = urllib3.PoolManager(timeout=_TIMES, retries=False, maxsize=8)
        self._client: Minio = Minio(
            parts.netloc,
            access_key=access_key,
            secret_key=secret_key,
            secure=parts.scheme == "https",
            region=region,
            http_client=self._pool,
        )

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Stores an object. Raises `BucketUnavailable`."""
        body = io.BytesIO(content)
        await self._call(
            functools.partial(
                self._client.put_object, self.name, key, body, length=len(content), content_type=content_type
            )
        )

    async def get(self, key: str) -> bytes | None:
        """The object; None when there is none by that key. Raises `BucketUnavailable`."""
        return await self._call(functools.partial(self._get, key))

    async def delete(self, key: str) -> None:
        """Deletes the object; one that is not there counts as deleted. Raises `BucketUnavailable`."""
        await self._call(functools.partial(self._client.remove_object, self.name, key))

    async def is_there(self) -> bool:
        """Whether the bucket exists and may be used. Raises `BucketUnavailable`."""
        return bool(await self._call(functools.partial(self._client.bucket_exists, self.name)))

    def close(self) -> None:
        """Gives back connections."""
        self._pool.clear()

    def _get(self, key: str) -> bytes | None:
        from minio.error import S3Error

        try:
            answer = self._client.get_object(self.name, key)
        except S3Error as error:
            if error.code == "NoSuchKey":
                return None
            raise
        try:
            content: bytes = answer.read(_LARGEST)
            return content
        finally:
            answer.close()
            answer.release_conn()

    async def _call(self, call: Callable[[], T]) -> T:
        from minio.error import MinioException

        try:
            return await asyncio.to_thread(call)
        except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # The error's own text names keys of the account.
            told = getattr(error, "code", None) or type(error).__name__
            raise BucketUnavailable(f"The storage of photos did not do its part ({str(told)[:80]}).") from None


def bucket_of(settings: Settings) -> PhotoBucket | None:
    """The bucket that the settings name; None when photos are kept in the database. Raises `ConfigError`."""
    if settings.photos_s3_url is None or settings.photos_s3_bucket is None or settings.photos_s3_secret_key is None:
        return None
    return PhotoBucket(
        settings.photos_s3_url,
        settings.photos_s3_bucket,
        settings.photos_s3_access_key or "",
        settings.photos_s3_secret_key.get_secret_value(),
        settings.photos_s3_region,
    )
