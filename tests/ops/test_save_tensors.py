"""`embstore.save` takes tensors: of any dtype, device and layout, with or without gradients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.columns import Series, assert_saved

import embstore

pytestmark = pytest.mark.torch

WORDS = ["the", "frog"]
ROWS = np.array([[0.5, -1.5, 2.25], [3.0, 0.1, -0.0]], np.float32)
TENSOR = torch.from_numpy(ROWS)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.safetensors"


class Elsewhere(torch.Tensor):
    """A tensor that refuses, as one on another device does, to become an array before it is on the CPU."""

    def numpy(self, *, force: bool = False) -> NDArray[Any]:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    __array__ = numpy  # type: ignore[assignment]

    def cpu(self, *_: object) -> torch.Tensor:
        return self.as_subclass(torch.Tensor)


SEVERAL_WAYS: dict[str, Any] = {
    "a tensor": TENSOR,
    "one that requires grad": TENSOR.clone().requires_grad_(),
    "a parameter": torch.nn.Parameter(TENSOR.clone()),
    "a result": TENSOR.clone().requires_grad_() * 1,
    "a layer's weight": torch.nn.Embedding.from_pretrained(TENSOR, freeze=False).weight,  # type: ignore[no-untyped-call]
    "columns first": TENSOR.T.contiguous().T,
    "doubles": TENSOR.double(),
    "on another device": TENSOR.as_subclass(Elsewhere),
    "a list": list(TENSOR),
    "a tuple of those that require grad": tuple(TENSOR.clone().requires_grad_()),
    "a tensor and an array": [TENSOR[0].clone().requires_grad_(), ROWS[1]],
    "a list on another device": [row.as_subclass(Elsewhere) for row in TENSOR],
    "a series": Series(list(TENSOR.clone().requires_grad_())),
}


@pytest.mark.parametrize("vectors", SEVERAL_WAYS.values(), ids=SEVERAL_WAYS)
def test_tensors_are_saved_exactly(out: Path, vectors: Any) -> None:
    embstore.save(out, WORDS, vectors)
    assert_saved(out, WORDS, ROWS, "float32")


HALF = TENSOR.half()


@pytest.mark.parametrize("vectors", [HALF, list(HALF), HALF.requires_grad_()], ids=["tensor", "list", "grad"])
def test_float16_stays_float16(out: Path, vectors: Any) -> None:
    embstore.save(out, WORDS, vectors)
    assert_saved(out, WORDS, ROWS.astype(np.float16), "float16")


def every_bfloat16() -> torch.Tensor:
    return torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(torch.bfloat16).view(256, 256)


@pytest.mark.filterwarnings("ignore:rows with NaN")
@pytest.mark.parametrize("make", [torch.Tensor.requires_grad_, list, lambda rows: Series(list(rows))])
def test_every_bfloat16_keeps_its_bits(out: Path, make: Callable[[torch.Tensor], Any]) -> None:
    rows, words = every_bfloat16(), [str(row) for row in range(256)]
    embstore.save(out, words, make(rows.clone()))
    assert_saved(out, words, rows.view(torch.int16).numpy().view(np.uint16), "bfloat16")


def test_bfloat16_becomes_float32_on_request_exactly(out: Path) -> None:
    embstore.save(out, WORDS, TENSOR.bfloat16(), dtype="float32")
    assert_saved(out, WORDS, TENSOR.bfloat16().float().numpy(), "float32")


def test_8_bit_floats_become_float32_exactly(out: Path) -> None:
    embstore.save(out, WORDS, TENSOR.to(torch.float8_e5m2))
    assert_saved(out, WORDS, TENSOR.to(torch.float8_e5m2).float().numpy(), "float32")


REFUSED: list[tuple[Any, str]] = [
    (TENSOR[0], r"2 tokens need vectors of shape \(2, dim\), not \(3,\)"),
    (TENSOR.long(), "vectors of int64: expected a floating dtype; convert them with astype first"),
    ([torch.ones(2), torch.ones(3)], "row 1 of the vectors has 3 numbers, expected 2 as in row 0"),
    ([torch.ones(2), None], "row 1 of the vectors is None, expected a row of numbers"),
    ([torch.ones(1), torch.tensor(1.0)], r"row 1 of the vectors is tensor\(1\.\), expected a row of numbers"),
]


@pytest.mark.parametrize(("vectors", "message"), REFUSED)
def test_what_is_no_matrix_is_named(out: Path, vectors: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        embstore.save(out, WORDS, vectors)
    assert not out.exists()
