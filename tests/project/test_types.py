"""The signatures of embstore: `Any` stands only where no type can, and each such place is listed with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import embstore

ROOT = Path(embstore.__file__).parent
ARRAYS = {"NDArray", "ndarray", "dtype"}
"""Types of NumPy whose parameters may be `Any`: the stubs of NumPy cannot express a dtype that is known at run time."""

OF_THE_POLICY = "one array, or ids and weights: which of them depends on the policy, that is on a string"
ALLOWED: dict[str, str] = {
    "words.encoder.Encoder.encode": OF_THE_POLICY,
    "layers.embedding.Embedding.encode": OF_THE_POLICY,
}
"""Functions and classes with `Any` elsewhere in their signatures, and why each needs it."""


def holds_any(annotation: ast.expr) -> bool:
    """Return whether `Any` is in an annotation, outside the parameters of arrays and dtypes."""
    if isinstance(annotation, ast.Constant):  # "dict[str, Any]", or None
        return isinstance(annotation.value, str) and holds_any(ast.parse(annotation.value, mode="eval").body)
    if isinstance(annotation, ast.Name | ast.Attribute):
        return last_name(annotation) == "Any"
    if isinstance(annotation, ast.Subscript) and last_name(annotation.value) in {*ARRAYS, "Literal"}:
        return False
    return any(holds_any(part) for part in ast.iter_child_nodes(annotation) if isinstance(part, ast.expr))


def last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def types_of(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the types in a function's parameters and result, in a class's fields, or in the definition of an alias."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = node.args
        several = [arguments.vararg, arguments.kwarg]
        parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *filter(None, several)]
        yield from (parameter.annotation for parameter in parameters if parameter.annotation is not None)
        if node.returns is not None:
            yield node.returns
    elif isinstance(node, ast.ClassDef):
        yield from (statement.annotation for statement in node.body if isinstance(statement, ast.AnnAssign))
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute | ast.Subscript | ast.BinOp):
        if not any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in ast.walk(node.value)):
            yield node.value  # a type, or a value, which holds no `Any`
    elif isinstance(node, ast.AnnAssign) and node.value is not None and last_name(node.annotation) == "TypeAlias":
        yield node.value


def signatures(node: ast.AST, name: str) -> Iterator[tuple[str, list[ast.expr]]]:
    """Yield the name and the types of each function, class and alias in a module, also of those inside others."""
    for child in ast.iter_child_nodes(node):
        inner = f"{name}.{own}" if (own := own_name(child)) else name
        yield inner, list(types_of(child))
        yield from signatures(child, inner)


def own_name(node: ast.AST) -> str:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return target.id if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(target, ast.Name) else ""


def with_any(text: str, module: str) -> set[str]:
    found = signatures(ast.parse(text), module)
    return {name for name, types in found if any(map(holds_any, types))}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_any_is_only_where_it_is_needed() -> None:
    found = set[str]().union(*(with_any(path.read_text("utf-8"), module_name(path)) for path in ROOT.rglob("*.py")))
    assert found == ALLOWED.keys()


def test_the_search_finds_any_wherever_it_stands() -> None:
    assert with_any(EXAMPLES, "m") == {
        "m.plain", "m.returned", "m.inside", "m.quoted", "m.args", "m.keywords", "m.only", "m.typed", "m.Fields",
        "m.Fields.method", "m.outer.inner", "m.in_block", "m.mixed", "m.Alias", "m.Named", "m.Quoted",
    }  # fmt: skip


EXAMPLES = """
def plain(a: Any): ...
def returned() -> Any: ...
def inside(a: dict[str, list[Any]] | None): ...
def quoted(a: "dict[str, Any]"): ...
def args(*args: Any): ...
def keywords(**options: Any): ...
def only(*, a: Callable[..., Any]): ...
def typed(a: typing.Any): ...
def mixed(a: tuple[NDArray[Any], Any]): ...
class Fields:
    field: Any
    def method(self, a: Any): ...
def outer():
    def inner(a: Any): ...
if True:
    def in_block(a: Any): ...
Alias = Any
Named: TypeAlias = dict[str, Any]
Quoted: TypeAlias = "dict[str, Any] | list[Quoted]"

def array(a: NDArray[Any], b: np.ndarray[Any, np.dtype[Any]] | None) -> np.dtype[Any]:
    local: Any = a
def other(a: Anything, b: "NDArray[Any]", c: Literal["Any"] = "Any"): ...
class NoFields:
    field: NDArray[Any]
Vectors = NDArray[Any]
Sizes: TypeAlias = "NDArray[Any] | None"
SIZES: dict[str, int] = {"Any": 1}
"""
