"""All of the customer's pages."""

from __future__ import annotations

from fastapi import APIRouter

from app.pages.customer import deeds, remedies, showing, start, status, variants, walk

router = APIRouter()
for part in (start, walk, variants, showing, status, deeds, remedies):
    router.include_router(part.router)
