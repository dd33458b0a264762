"""Where the stores' webhooks must go, and what is missing there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.settings import Settings
from app.stores.base import Subscription


def callback_url(settings: Settings, key: str) -> str:
    """Where this store's webhooks must go."""
    return f"{settings.public_url}/webhooks/{settings.stores[key].platform}/{key}"


def missing_topics(wanted: Iterable[str], there: Sequence[Subscription], url: str) -> list[str]:
    """Wanted topics that no active webhook sends to `url`."""
    sent = {each.topic for each in there if each.active and each.url == url}
    return [topic for topic in wanted if topic not in sent]


def elsewhere(there: Sequence[Subscription], url: str) -> list[str]:
    """Hosts that get the same webhooks at our path: an address of ours from before, or another installation."""
    path = urlsplit(url).path
    hosts = {urlsplit(each.url).netloc for each in there if each.url != url and urlsplit(each.url).path == path}
    return sorted(hosts - {""})


@dataclass(frozen=True, slots=True)
class Needs:
    """What is wrong with the webhooks at our address: topics that are absent, switched off, or there more than once."""

    absent: list[str]
    off: list[str]
    twice: list[str]


def needs(wanted: Iterable[str], there: Sequence[Subscription], url: str) -> Needs:
    """Judges a store's webhooks; those that go elsewhere are nobody's business here."""
    missing = missing_topics(wanted, there, url)
    ours = Counter(each.topic for each in there if each.url == url)
    return Needs(
        absent=[topic for topic in missing if topic not in ours],
        off=[topic for topic in missing if topic in ours],
        twice=sorted(topic for topic, count in ours.items() if count > 1),
    )
