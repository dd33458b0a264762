"""Events as the section `webhooks` of the OpenAPI document: what a receiver is sent, with schema and example."""

from __future__ import annotations

from typing import Any

from app.outbound.payloads import DATA
from app.outbound.reference import example
from app.outbound.vocabulary import EventType

_REF = "#/components/schemas/{model}"
_ANSWERS = {
    "200": {"description": "Taken; any 2xx says so."},
    "410": {"description": "Gone: nothing is sent here any more until somebody tests this receiver."},
}


def webhooks(schemas: dict[str, Any]) -> dict[str, Any]:
    """The section; the schemas that it needs are added to `schemas`."""
    return {str(type_): {"post": _operation(type_, schemas)} for type_ in EventType}


def _operation(type_: EventType, schemas: dict[str, Any]) -> dict[str, Any]:
    model = DATA[type_]
    schema = model.model_json_schema(ref_template=_REF, mode="serialization")
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema
    return {
        "summary": type_,
        "description": type_.meaning,
        "operationId": f"event_{type_.replace('.', '_')}",
        "tags": ["events"],
        "parameters": [_header(name, text) for name, text in _HEADERS.items()],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _envelope(type_, model.__name__), "example": example(type_)}},
        },
        "responses": _ANSWERS,
    }


_HEADERS = {
    "webhook-id": "The event's id; the same on every try and every replay.",
    "webhook-timestamp": "Unix seconds of this try.",
    "webhook-signature": "`v1,` and base64, one for each secret, with spaces between them.",
}


def _header(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}


def _envelope(type_: EventType, data: str) -> dict[str, Any]:
    fields = {
        "id": {"type": "string", "format": "uuid"},
        "type": {"type": "string", "const": str(type_)},
        "timestamp": {"type": "string", "format": "date-time"},
        "sequence": {"type": "integer", "description": "Grows with each event of one case."},
        "data": {"$ref": _REF.format(model=data)},
    }
    return {"type": "object", "properties": fields, "required": list(fields)}
