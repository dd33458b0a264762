"""The changes that mutmut does not make: in the data that the machine is, and in steps that can be left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import libcst as cst
from mutmut.mutation.mutators import mutation_operators

from tests.mutation.targets import enumerations

# What an API documentation or a diagram says is no behaviour.
_DOCUMENTATION = frozenset({"description", "summary", "examples", "tags", "why"})
# As in mutmut: without their arguments these only raise.
_PLAIN_CALLS = frozenset({"len", "isinstance"})
_MEMBERS = enumerations()


def changes(node: Any) -> Iterator[tuple[str, Any]]:
    """Every change of one node, with the name of the operator that makes it."""
    if isinstance(node, cst.SimpleString) and any(sign.isspace() for sign in node.value):
        return
    plain = isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in _PLAIN_CALLS
    if not plain:
        given = without_documentation(node)
        for kind, operator in mutation_operators:
            if isinstance(given, kind):
                for changed in operator(given):
                    yield f"mutmut {operator.__name__.removeprefix('operator_')}", changed
    for own in _OWN:
        for changed in own(node):
            yield own.__name__.removeprefix("_"), changed


def without_documentation(node: Any) -> Any:
    """A call without the arguments that only document it."""
    if not isinstance(node, cst.Call):
        return node
    return node.with_changes(args=[arg for arg in node.args if not is_documentation(arg)])


def is_documentation(node: Any) -> bool:
    """Whether it is an argument that only documents."""
    return isinstance(node, cst.Arg) and node.keyword is not None and node.keyword.value in _DOCUMENTATION


def _drop_element(node: Any) -> Iterator[Any]:
    """A set, list, tuple or dict without one of its elements."""
    if isinstance(node, (cst.Set, cst.List, cst.Tuple, cst.Dict)):
        if len(node.elements) == 1:
            empty = {cst.Set: "set()", cst.List: "[]", cst.Tuple: "()", cst.Dict: "{}"}
            yield cst.parse_expression(empty[type(node)])
            return
        for index in range(len(node.elements)):
            yield node.with_changes(elements=[*node.elements[:index], *node.elements[index + 1 :]])


def _other_member(node: Any) -> Iterator[Any]:
    """Another member of the same enumeration: the next one."""
    if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name):
        members = _MEMBERS.get(node.value.value, [])
        if node.attr.value in members:
            following = members[(members.index(node.attr.value) + 1) % len(members)]
            yield node.with_changes(attr=cst.Name(following))


def _leave_out(node: Any) -> Iterator[Any]:
    """A step that is not taken: a call for its effect, or a refusal."""
    is_call = isinstance(node, cst.Expr) and isinstance(
        node.value.expression if isinstance(node.value, cst.Await) else node.value, cst.Call
    )
    if is_call or isinstance(node, cst.Raise):
        yield cst.Pass()


def _negate(node: Any) -> Iterator[Any]:
    """A condition turned round."""
    if isinstance(node, (cst.If, cst.CompIf)):
        bracketed = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        yield node.with_changes(test=cst.UnaryOperation(operator=cst.Not(), expression=bracketed))


_OWN: tuple[Callable[[Any], Iterator[Any]], ...] = (_drop_element, _other_member, _leave_out, _negate)
