from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_client_schema,
    get_named_type,
    parse,
    validate,
)
from graphql.type import GraphQLInterfaceType, GraphQLObjectType
from graphql.validation import NoDeprecatedCustomRule

from app.stores import shopify_documents, shopify_order_documents, shopify_shop_documents
from app.stores.shopify_documents import Document

DOCUMENTS = (
    *shopify_documents.DOCUMENTS,
    *shopify_order_documents.ORDER_DOCUMENTS,
    *shopify_shop_documents.SHOP_DOCUMENTS,
)
_COSTLIEST = 1000


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    path = os.environ.get("SHOPIFY_SCHEMA_FILE")
    if not path:
        missing = "SHOPIFY_SCHEMA_FILE does not name the gzipped introspection of Shopify's Admin API 2026-10"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    introspection = json.loads(gzip.decompress(Path(path).read_bytes()))
    # Shopify deprecates fields on types whose interface still has them, which a full check of the schema refuses.
    return build_client_schema(introspection.get("data", introspection), assume_valid=True)


def operation_of(document: DocumentNode) -> OperationDefinitionNode:
    (operation,) = (each for each in document.definitions if isinstance(each, OperationDefinitionNode))
    return operation


def root_field(document: Document) -> FieldNode:
    (field,) = operation_of(parse(document.text)).selection_set.selections
    assert isinstance(field, FieldNode)
    return field


def test_every_document_of_the_module_is_collected() -> None:
    modules = (shopify_documents, shopify_order_documents, shopify_shop_documents)
    values = [value for module in modules for value in vars(module).values()]
    defined = {each.name for each in values if isinstance(each, Document)}

    assert defined == {each.name for each in DOCUMENTS}
    assert len(defined) == len(DOCUMENTS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.name)
def test_a_document_is_valid_and_uses_nothing_deprecated(document: Document, schema: GraphQLSchema) -> None:
    parsed = parse(document.text)

    assert validate(schema, parsed) == []
    assert validate(schema, parsed, [NoDeprecatedCustomRule]) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.name)
def test_a_document_has_the_root_field_and_name_it_says(document: Document) -> None:
    assert root_field(document).name.value == document.root
    name = operation_of(parse(document.text)).name
    assert name is not None
    assert name.value == document.name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.name)
def test_only_the_money_call_is_idempotent_by_key(document: Document) -> None:
    directives = {each.name.value for each in root_field(document).directives or ()}

    assert directives == ({"idempotent"} if document.root == "refundCreate" else set())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.name)
def test_a_document_cannot_cost_more_than_one_query_may(document: Document, schema: GraphQLSchema) -> None:
    parsed = parse(document.text)
    operation = operation_of(parsed)
    fragments = {each.name.value: each for each in parsed.definitions if isinstance(each, FragmentDefinitionNode)}
    root = schema.mutation_type if operation.operation.value == "mutation" else schema.query_type
    assert root is not None

    assert 0 < cost(schema, operation.selection_set, root, fragments) <= _COSTLIEST


def cost(
    schema: GraphQLSchema,
    selected: SelectionSetNode,
    parent: GraphQLObjectType | GraphQLInterfaceType,
    fragments: dict[str, FragmentDefinitionNode],
) -> int:
    """One point for each object that may come back; a list counts as many as are asked for, else one."""
    points = 0
    for selection in selected.selections:
        if isinstance(selection, FragmentSpreadNode):
            points += cost(schema, fragments[selection.name.value].selection_set, parent, fragments)
        elif isinstance(selection, InlineFragmentNode):
            assert selection.type_condition is not None
            narrowed = schema.get_type(selection.type_condition.name.value)
            assert isinstance(narrowed, GraphQLObjectType)
            points += cost(schema, selection.selection_set, narrowed, fragments)
        elif isinstance(selection, FieldNode) and selection.selection_set and selection.name.value != "pageInfo":
            kind = get_named_type(parent.fields[selection.name.value].type)
            assert isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType))
            inner = cost(schema, selection.selection_set, kind, fragments)
            first = next((arg.value for arg in selection.arguments or () if arg.name.value == "first"), None)
            times = int(first.value) if isinstance(first, IntValueNode) else 1
            points += times * (inner + (0 if kind.name.endswith("Connection") else 1))
    return points
