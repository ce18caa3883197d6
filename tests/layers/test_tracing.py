"""Layers under torch's tracers: a graph gives what the layer gives, also for other sizes than it was traced with."""

# Annotations are no strings in this module: torch.fx writes those of forward into its graphs, and pickles them.

import io
import pickle
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.tables import saved
from torch.fx.experimental.proxy_tensor import make_fx
from torch.jit import TracerWarning  # type: ignore[attr-defined]

import embstore
from embstore.layers.rowwise import pool

pytestmark = pytest.mark.torch

DIM = 8
Tensors = tuple[torch.Tensor, ...]
Graph = Callable[..., torch.Tensor]
STILL_WORKS = "ignore:.*torch.jit.*deprecated:DeprecationWarning"  # and warns, since torch 2.10


@pytest.fixture(scope="module", params=["float32", "int8"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    vectors = np.random.default_rng(0).standard_normal((30, DIM)).astype(np.float32)
    vectors[3] *= 1e-39  # its scale and its offset are denormal
    words = [f"w{i}" for i in range(30)]
    return saved(tmp_path_factory.mktemp("table") / "t.safetensors", words, vectors, dtype=request.param)


class Looked(torch.nn.Module):
    """A model that has an `Embedding` as a part."""

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.scores = layer, torch.nn.Linear(DIM, 3)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.scores(self.layer(ids).float())
        return scores


class Pooled(Looked):
    """A model that has an `EmbeddingBag` as a part."""

    def forward(self, ids: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        scores: torch.Tensor = self.scores(self.layer(ids, offsets).float())
        return scores


@dataclass(frozen=True)
class Case:
    """A layer, the inputs that it is traced with, and inputs of other sizes."""

    kind: Any = embstore.EmbeddingBag
    options: dict[str, Any] = field(default_factory=dict)
    weights: bool = False
    model: Callable[[torch.nn.Module], torch.nn.Module] | None = None

    def inputs(self, ids: list[int], offsets: list[int]) -> Tensors:
        flat = torch.tensor(ids)
        if self.kind is embstore.Embedding:
            return (flat,)
        if self.options.get("include_last_offset"):
            offsets = [*offsets, len(ids)]
        bags = (flat, torch.tensor(offsets))
        return (*bags, torch.linspace(-1, 2, len(ids))) if self.weights else bags

    def small(self) -> Tensors:
        return self.inputs([1, 2, 3, 4, 5], [0, 2, 2])

    def others(self) -> list[Tensors]:
        return [self.inputs([9, 3, 3, 8, 7, 29, 0, 1], [0, 1, 4, 4, 8]), self.inputs([6, 3], [0, 1])]

    def made(self, path: Path) -> torch.nn.Module:
        layer = self.kind.from_pretrained(path, **self.options)
        return layer if self.model is None else self.model(layer)


CASES = {
    "embedding": Case(embstore.Embedding),
    "embedding-cast": Case(embstore.Embedding, {"out_dtype": torch.float16}),
    "embedding-part": Case(embstore.Embedding, model=Looked),
    "sum": Case(options={"mode": "sum"}),
    "mean": Case(options={"mode": "mean"}),
    "max": Case(options={"mode": "max"}),
    "cast": Case(options={"out_dtype": torch.float16}),
    "last": Case(options={"include_last_offset": True}),
    "weights": Case(options={"mode": "sum"}, weights=True),
    "mean-weights": Case(options={"mode": "mean"}, weights=True),
    "part": Case(model=Pooled),
}


def fx(layer: torch.nn.Module, inputs: Tensors) -> Graph:
    return pickle.loads(pickle.dumps(torch.fx.symbolic_trace(torch.fx.symbolic_trace(layer))))  # type: ignore[no-any-return]


def recorded(mode: Any) -> Callable[[torch.nn.Module, Tensors], Graph]:
    return lambda layer, inputs: make_fx(layer, tracing_mode=mode, _allow_non_fake_inputs=True)(*inputs)


def exported(strict: bool) -> Callable[[torch.nn.Module, Tensors], Graph]:
    def export(layer: torch.nn.Module, inputs: Tensors) -> Graph:
        # DYNAMIC raises an error if a size is found to be fixed: neither the ids nor the bags have one.
        sizes = tuple({0: torch.export.Dim.DYNAMIC} for _ in inputs)
        return torch.export.export(layer, inputs, dynamic_shapes=sizes, strict=strict).module()

    return export


def compiled(layer: torch.nn.Module, inputs: Tensors) -> Graph:
    torch._dynamo.reset()
    return torch.compile(layer, fullgraph=True, dynamic=True, backend="aot_eager")


def traced_by_jit(layer: torch.nn.Module, inputs: Tensors) -> Graph:
    with warnings.catch_warnings():  # of torch's embedding_bag, which compares the shapes of ids and weights
        warnings.filterwarnings("ignore", category=TracerWarning, module="torch.nn.functional")
        return _loaded(torch.jit.trace(layer, inputs))  # type: ignore[no-untyped-call]


def scripted(layer: torch.nn.Module, inputs: Tensors) -> Graph:
    return _loaded(torch.jit.script(layer))


def _loaded(module: Any) -> Graph:
    file = io.BytesIO()
    torch.jit.save(module, file)
    file.seek(0)
    loaded: Graph = torch.jit.load(file)  # type: ignore[no-untyped-call]
    return loaded


TRACERS: dict[str, Callable[[torch.nn.Module, Tensors], Graph]] = {
    "symbolic_trace": fx,
    "make_fx": recorded("real"),
    "make_fx-fake": recorded("fake"),
    "make_fx-symbolic": recorded("symbolic"),
    "export": exported(strict=False),
    "export-strict": exported(strict=True),
    "compile": compiled,
    "jit.trace": traced_by_jit,
    "jit.script": scripted,
}


@pytest.mark.filterwarnings(STILL_WORKS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("tracer", TRACERS.values(), ids=TRACERS)
def test_a_graph_gives_what_the_layer_gives(
    path: Path, case: Case, tracer: Callable[[torch.nn.Module, Tensors], Graph]
) -> None:
    layer = case.made(path)
    graph = tracer(layer, case.small())
    for inputs in [case.small(), *case.others()]:
        found, expected = graph(*inputs), layer(*inputs)
        if case.kind is embstore.Embedding and case.model is None:
            assert torch.equal(found, expected)  # to the bit, the denormal row too
        torch.testing.assert_close(found, expected)


@pytest.mark.filterwarnings(STILL_WORKS)
@pytest.mark.parametrize("mode", ["sum", "max"])
def test_bags_given_as_a_matrix(path: Path, mode: Any) -> None:
    bag = embstore.EmbeddingBag.from_pretrained(path, mode=mode)
    small, other = torch.tensor([[1, 2, 3], [4, 5, 6]]), torch.tensor([[7, 8], [3, 3], [0, 9]])
    sizes = ({0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}, None, None)
    for graph in (
        fx(bag, (small,)),
        recorded("symbolic")(bag, (small,)),
        torch.export.export(bag, (small,), dynamic_shapes=sizes[:1]).module(),
        compiled(bag, (small,)),
        traced_by_jit(bag, (small,)),
        scripted(bag, (small,)),
    ):
        for ids in (small, other):
            torch.testing.assert_close(graph(ids), bag(ids))


def test_the_graph_of_int8_rows_checks_offsets_as_the_layer_does(tmp_path: Path) -> None:
    """symbolic_trace records one call, as for torch's own functions."""
    path = saved(tmp_path / "t.safetensors", ["a", "b", "c"], np.eye(3, dtype=np.float32), dtype="int8")
    graph = torch.fx.symbolic_trace(Pooled(embstore.EmbeddingBag.from_pretrained(path)).layer)
    assert [node.target for node in graph.graph.nodes if node.op == "call_function"][-1] is pool
    with pytest.raises(ValueError, match=r"^offsets must start at 0, never decrease, and end within the 2 ids"):
        graph(torch.tensor([0, 1]), torch.tensor([0, -1_000_000_000, 1]))


def test_weights_are_cast_in_a_graph(tmp_path: Path) -> None:
    path = saved(tmp_path / "t.safetensors", ["a", "b"], np.eye(2), dtype="float16")
    bag = embstore.EmbeddingBag.from_pretrained(path, mode="sum")
    ids, offsets = torch.tensor([0, 1]), torch.tensor([0])
    graph = torch.fx.symbolic_trace(bag)
    for weights in (None, torch.tensor([0.5, 2.0])):
        assert torch.equal(graph(ids, offsets, weights), bag(ids, offsets, weights))
    assert graph(ids, offsets, torch.tensor([0.5, 2.0])).tolist() == [[0.5, 2.0]]


def test_tables_are_a_leaf(path: Path) -> None:
    """Their inputs are dicts of tensors and tuples, which symbolic tracing does not see into."""

    class Tracer(torch.fx.Tracer):
        def is_leaf_module(self, m: torch.nn.Module, module_qualified_name: str) -> bool:
            return isinstance(m, embstore.Tables) or super().is_leaf_module(m, module_qualified_name)

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tables = embstore.Tables({"bag": embstore.EmbeddingBag.from_pretrained(path)}, dense=["age"])
            self.scores = torch.nn.Linear(self.tables.out_features, 2)

        def forward(self, batch: Any) -> torch.Tensor:
            scores: torch.Tensor = self.scores(self.tables(batch, concat=True))
            return scores

    model = Model()
    with pytest.raises(torch.fx.proxy.TraceError, match=r"^Proxy object cannot be iterated"):
        torch.fx.symbolic_trace(model)
    graph = torch.fx.GraphModule(model, Tracer().trace(model))
    batch = model.tables.encode({"age": [3, 4], "bag": [["w1", "w2"], ["w5"]]})
    assert torch.equal(graph(batch), model(batch))
