"""The sandbox's part of Shopify's schema agrees with the whole.

Needs the introspection of Admin GraphQL 2026-10 (JSON, gzipped or not) in the file that SHOPIFY_SCHEMA_FILE names.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLSchema,
    build_client_schema,
    build_schema,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
    is_required_argument,
    is_required_input_field,
)

from app.sandbox.shopify.graphql import SCHEMA_FILE
from app.sandbox.shopify.resolvers import MUTATIONS, QUERIES

VARIABLE = "SHOPIFY_SCHEMA_FILE"


def whole_schema() -> GraphQLSchema:
    name = os.environ.get(VARIABLE)
    if not name:
        pytest.skip(f"{VARIABLE} does not name Shopify's introspection file: the comparison was not made")
    raw = Path(name).read_bytes()
    found = json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    return build_client_schema(found.get("data", found), assume_valid=True)


def field_differences(name: str, ours: Any, theirs: Any) -> Iterator[str]:
    is_input = is_input_object_type(ours)
    for field_name, ours_field in ours.fields.items():
        where = f"{name}.{field_name}"
        theirs_field = theirs.fields.get(field_name)
        if theirs_field is None:
            yield f"{where} does not exist"
            continue
        if str(ours_field.type) != str(theirs_field.type):
            yield f"{where} is {theirs_field.type}, not {ours_field.type}"
        if is_input:
            continue
        for argument_name, argument in ours_field.args.items():
            if str(argument.type) != str(getattr(theirs_field.args.get(argument_name), "type", None)):
                yield f"{where}({argument_name}:) differs"
        for argument_name, argument in theirs_field.args.items():
            if is_required_argument(argument) and argument_name not in ours_field.args:
                yield f"{where}({argument_name}:) is required and missing"
    if is_input:
        for field_name, theirs_field in theirs.fields.items():
            if is_required_input_field(theirs_field) and field_name not in ours.fields:
                yield f"{name}.{field_name} is required and missing"


def differences(ours: GraphQLSchema, theirs: GraphQLSchema) -> Iterator[str]:
    for name, kind in ours.type_map.items():
        other = theirs.type_map.get(name)
        if name.startswith("__"):
            continue
        if other is None:
            yield f"{name} does not exist"
        elif is_enum_type(kind) and is_enum_type(other):
            yield from (f"{name}.{value} does not exist" for value in kind.values if value not in other.values)
        elif is_object_type(kind) or is_interface_type(kind) or is_input_object_type(kind):
            yield from field_differences(name, kind, other)


def test_the_part_agrees_with_the_whole() -> None:
    theirs = whole_schema()
    assert list(differences(build_schema(SCHEMA_FILE.read_text(encoding="utf-8")), theirs)) == []


def test_every_root_field_has_a_resolver() -> None:
    ours = build_schema(SCHEMA_FILE.read_text(encoding="utf-8"))
    assert ours.query_type is not None
    assert ours.mutation_type is not None
    assert set(ours.query_type.fields) == set(QUERIES)
    assert set(ours.mutation_type.fields) == set(MUTATIONS)
