"""Runs GraphQL documents against the sandbox's part of Shopify's schema, with Shopify's error codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
    value_from_ast_untyped,
    visit,
)
from graphql.language import Visitor

from app.money import BadAmount, parse_decimal
from app.sandbox.shopify.resolvers import MUTATIONS, QUERIES, Call, guarded

SCHEMA_FILE = Path(__file__).with_name("schema.graphql")
_MUTATION_COST = 10
_AVAILABLE = 2000.0
RESTORE_RATE = 100.0
_VALIDATION_CODES = {"Cannot query field": "undefinedField", "Unknown argument": "argumentNotAccepted"}

Answer = dict[str, Any]


def _amount(value: Any) -> Decimal:
    try:
        return parse_decimal(value if isinstance(value, (str, int)) else repr(value))
    except BadAmount as error:
        raise GraphQLError(error.detail) from error


def _shown_amount(value: Decimal) -> str:
    """Shopify drops closing zeros but keeps one digit: "15.0", never "15.00"."""
    text = format(value.normalize(), "f")
    return text if "." in text else f"{text}.0"


def _shown_time(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def schema() -> GraphQLSchema:
    """The schema with its resolvers; it holds no state, so all shops share it."""
    made = build_schema(SCHEMA_FILE.read_text(encoding="utf-8"))
    for name, show in (("Decimal", _shown_amount), ("Money", _shown_amount), ("DateTime", _shown_time)):
        scalar = made.type_map[name]
        if isinstance(scalar, GraphQLScalarType):
            scalar.coerce_output_value = show
            if name != "DateTime":
                scalar.coerce_input_value = _amount
    for root, resolvers in ((made.query_type, QUERIES), (made.mutation_type, MUTATIONS)):
        for name, resolver in resolvers.items():
            if root is not None:
                root.fields[name].resolve = guarded(name, resolver)
    return made


@dataclass(frozen=True, slots=True)
class MoneyField:
    """A refundCreate in a document: its name in the answer, its idempotency key and its input."""

    alias: str
    key: str | None
    variables: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that was read, or the errors that stopped it. `operation` is its first root field."""

    document: DocumentNode | None
    operation: str
    cost: int
    money: tuple[MoneyField, ...] = ()
    errors: tuple[GraphQLError, ...] = ()


@lru_cache(maxsize=256)
def _read(query: str) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    """Parses and validates a document, which takes longer than running it; a client sends the same few for ever."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return None, (error,)
    return document, tuple(validate(schema(), document))


def prepare(query: str, variables: dict[str, Any], operation_name: str | None) -> Prepared:
    """Parses and validates a document, and finds what it would do."""
    document, errors = _read(query)
    if document is None:
        return Prepared(None, "", 0, errors=errors)
    operation = get_operation_ast(document, operation_name)
    if errors or operation is None:
        return Prepared(None, "", 0, errors=errors or (GraphQLError("No operation to run", None),))
    fields = [node for node in operation.selection_set.selections if isinstance(node, FieldNode)]
    money = tuple(_money_fields(fields, variables))
    name = fields[0].name.value if fields else ""
    return Prepared(document, name, _cost(operation, document), money)


def _money_fields(fields: list[FieldNode], variables: dict[str, Any]) -> Iterator[MoneyField]:
    for node in fields:
        if node.name.value != "refundCreate":
            continue
        given = {item.name.value: value_from_ast_untyped(item.value, variables) for item in node.arguments or ()}
        keys = [
            value_from_ast_untyped(argument.value, variables)
            for directive in node.directives or ()
            if directive.name.value == "idempotent"
            for argument in directive.arguments or ()
        ]
        alias = node.alias.value if node.alias else node.name.value
        asked = given.get("input")
        yield MoneyField(alias, keys[0] if keys else None, asked if isinstance(asked, dict) else {})


class _Counter(Visitor):
    """Counts the fields that have fields of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.objects = 0

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        """Counts one."""
        self.objects += node.selection_set is not None


def _cost(operation: OperationDefinitionNode, document: DocumentNode) -> int:
    if operation.operation is OperationType.MUTATION:
        return _MUTATION_COST
    counter = _Counter()
    visit(document, counter)
    return max(1, counter.objects)


def run(prepared: Prepared, variables: dict[str, Any], operation_name: str | None, call: Call) -> Answer:
    """Runs a prepared document under the shop's lock; answers the JSON body."""
    if prepared.document is None:
        return {"errors": [_validation_error(error) for error in prepared.errors]}
    with call.shop.lock:
        result = execute_sync(
            schema(),
            prepared.document,
            context_value=call,
            variable_values=variables,
            operation_name=operation_name,
        )
    errors = [_execution_error(error) for error in result.errors or ()]
    answer: Answer = {"errors": errors} if errors else {}
    if result.data is not None or not _about_variables(errors):
        answer["data"] = result.data
    answer["extensions"] = {"cost": cost(prepared.cost)}
    return answer


def cost(requested: float, available: float = _AVAILABLE) -> Answer:
    """`extensions.cost` of a call that ran."""
    return {
        "requestedQueryCost": requested,
        "actualQueryCost": requested,
        "throttleStatus": {
            "maximumAvailable": _AVAILABLE,
            "currentlyAvailable": available - requested,
            "restoreRate": RESTORE_RATE,
        },
    }


def throttled(seconds: float) -> Answer:
    """The answer of a bucket that is refilled enough in `seconds`: nothing ran."""
    requested = max(float(_MUTATION_COST), seconds * RESTORE_RATE)
    available = requested - seconds * RESTORE_RATE
    bucket = {"maximumAvailable": _AVAILABLE, "currentlyAvailable": available, "restoreRate": RESTORE_RATE}
    return {
        "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
        "data": None,
        "extensions": {
            "cost": {"requestedQueryCost": requested, "actualQueryCost": None, "throttleStatus": bucket},
        },
    }


def _validation_error(error: GraphQLError) -> Answer:
    shown = dict(error.formatted)
    for start, code in _VALIDATION_CODES.items():
        if error.message.startswith(start):
            shown["extensions"] = {"code": code}
    return shown


def _execution_error(error: GraphQLError) -> Answer:
    """Shopify checks the variables before anything else and calls a bad one INVALID_VARIABLE."""
    shown = dict(error.formatted)
    if error.path is None and "extensions" not in shown:
        shown["extensions"] = {"code": "INVALID_VARIABLE"}
    return shown


def _about_variables(errors: list[Answer]) -> bool:
    return any(error.get("extensions", {}).get("code") == "INVALID_VARIABLE" for error in errors)
