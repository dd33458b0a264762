"""All of the customer's pages."""

from __future__ import annotations

from fastapi import APIRouter

from app.pages.customer import deeds, showing, start, status, walk

router = APIRouter()
for part in (start, walk, showing, status, deeds):
    router.include_router(part.router)
