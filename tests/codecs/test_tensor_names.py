"""Names of tensors: the table of embeddings is found in the checkpoints of many libraries, or listed first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.refusals import short_refusal

import embstore
from embstore.codecs.shared.tensor_names import TensorEntry, is_known, is_output, is_position, listed

WORDS = ["the", "frog", "toad"]
MATRIX = np.array([[0.5, -1.5], [2.25, 3], [1, 0.125]], np.float32)
OTHER = -MATRIX

LAYOUTS = {  # the table, and other matrices beside it
    "Llama, Meta": ("tok_embeddings.weight", "output.weight layers.0.attention.wq.weight"),
    "Llama, Hugging Face": ("model.embed_tokens.weight", "lm_head.weight model.layers.0.self_attn.q_proj.weight"),
    "GPT-NeoX": ("gpt_neox.embed_in.weight", "embed_out.weight gpt_neox.layers.0.mlp.dense_h_to_4h.weight"),
    "CLIP": ("text_model.embeddings.token_embedding.weight", "text_model.embeddings.position_embedding.weight "
             "vision_model.embeddings.position_embedding.weight text_projection.weight"),
    "CLIP, OpenAI": ("token_embedding.weight", "positional_embedding text_projection visual.proj"),
    "BERT": ("bert.embeddings.word_embeddings.weight", "bert.embeddings.position_embeddings.weight "
             "bert.embeddings.token_type_embeddings.weight cls.predictions.decoder.weight"),
    "XLNet": ("transformer.word_embedding.weight", "lm_loss.weight transformer.layer.0.ff.layer_1.weight"),
    "GPT": ("tokens_embed.weight", "positions_embed.weight h.0.attn.c_attn.weight"),
    "GPT-2": ("wte.weight", "wpe.weight h.0.attn.c_attn.weight"),
    "nanoGPT, compiled": ("_orig_mod.transformer.wte.weight", "_orig_mod.transformer.wpe.weight "
                          "_orig_mod.lm_head.weight"),
    "T5": ("shared.weight", "encoder.embed_tokens.weight decoder.embed_tokens.weight lm_head.weight"),
    "BART": ("model.shared.weight", "model.encoder.embed_tokens.weight model.decoder.embed_tokens.weight "
             "model.encoder.embed_positions.weight"),
    "RWKV": ("emb.weight", "head.weight blocks.0.att.key.weight"),
    "RWKV, Hugging Face": ("rwkv.embeddings.weight", "head.weight rwkv.blocks.0.attention.key.weight"),
    "Bloom": ("word_embeddings.weight", "h.0.mlp.dense_h_to_4h.weight"),
    "XLM": ("embeddings.weight", "position_embeddings.weight lang_embeddings.weight pred_layer.proj.weight"),
    "DataParallel": ("module.embedding.weight", "module.rnn.weight_ih_l0 module.decoder.weight"),
    "Gemma 3n": ("model.embed_tokens.weight", "model.embed_tokens_per_layer.weight lm_head.weight"),
}  # fmt: skip


def save_model(folder: Path, tensors: dict[str, Any], metadata: dict[str, str] | None = None) -> Path:
    path = folder / "model.safetensors"
    save_file(tensors, path, metadata)
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in WORDS))
    return path


@pytest.mark.parametrize("library", LAYOUTS)
def test_the_table_of_each_library(tmp_path: Path, library: str) -> None:
    name, others = LAYOUTS[library]
    path = save_model(tmp_path, {name: MATRIX, **dict.fromkeys(others.split(), OTHER)})
    assert embstore.open(path).vectors.tolist() == MATRIX.tolist()
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": dict.fromkeys((*others.split(), name), path.name)}))
    assert embstore.open(index).vectors.tolist() == MATRIX.tolist()


def test_tables_of_positions_are_none(tmp_path: Path) -> None:
    path = save_model(tmp_path, {"position_embeddings.weight": OTHER, "unheard.of": MATRIX})
    assert embstore.open(path).vectors.tolist() == MATRIX.tolist()
    path = save_model(tmp_path, {"position.embedding.weight": OTHER})
    reason = "no tensor may be the table: name one with `key=` (position.embedding.weight F32 [3, 2])"
    assert short_refusal(path) == f"/model.safetensors: {reason}"


def test_two_tables_are_listed_unless_they_are_equal(tmp_path: Path) -> None:
    names = ["query.word_embeddings.weight", "context.word_embeddings.weight"]
    path = save_model(tmp_path, {names[0]: MATRIX, names[1]: MATRIX.copy(), "layer.weight": OTHER})
    assert embstore.open(path).vectors.tolist() == MATRIX.tolist()
    path = save_model(tmp_path, {names[0]: MATRIX, names[1]: OTHER, "layer.weight": OTHER})
    shown = ", ".join(f"{name} F32 [3, 2]" for name in sorted(names))
    assert short_refusal(path) == f"/model.safetensors: 2 tensors may be the table: name one with `key=` ({shown})"


def test_other_tensors_than_those_of_the_model_are_not_tied_to_shared(tmp_path: Path) -> None:
    path = save_model(tmp_path, {"shared.weight": MATRIX, "other.encoder.embed_tokens.weight": OTHER})
    shown = "other.encoder.embed_tokens.weight F32 [3, 2], shared.weight F32 [3, 2]"
    assert short_refusal(path) == f"/model.safetensors: 2 tensors may be the table: name one with `key=` ({shown})"


def test_weights_that_save_model_left_out(tmp_path: Path) -> None:
    """`safetensors.torch.save_model` keeps one of tied weights, and names the others in the metadata."""
    tensors = {"lm_head.weight": MATRIX, "layer.weight": OTHER}
    path = save_model(tmp_path, tensors, {"transformer.wte.weight": "lm_head.weight", "format": "pt"})
    assert embstore.open(path).vectors.tolist() == MATRIX.tolist()


def test_an_output_layer_alone_is_read_with_a_warning(tmp_path: Path) -> None:
    path = save_model(tmp_path, {"lm_head.weight": MATRIX, "model.norm.weight": MATRIX[0]})
    message = "rows of lm_head.weight, the output layer of a model, not its embeddings: 3"
    with pytest.warns(embstore.EmbstoreWarning) as caught:
        assert embstore.open(path).vectors.tolist() == MATRIX.tolist()
    assert [str(warning.message) for warning in caught] == [message]
    assert embstore.open(path, key="lm_head.weight").vectors.tolist() == MATRIX.tolist()


CODES = np.zeros((3, 2), np.uint32)
HALVES = np.ones((3, 1), np.float16)
QUANTIZED = {
    "MLX": (
        "model.embed_tokens",
        {"weight": CODES, "scales": HALVES, "biases": HALVES},
        "U32 [3, 2], to be scaled by model.embed_tokens.biases and model.embed_tokens.scales",
    ),
    "GPTQ": (
        "model.embed_tokens",
        {"qweight": CODES, "qzeros": CODES, "scales": HALVES},
        "U32 [3, 2], to be scaled by model.embed_tokens.qzeros and model.embed_tokens.scales",
    ),
    "bitsandbytes": (
        "wte",
        {"weight": CODES.astype(np.uint8), "weight.absmax": HALVES[:, 0]},
        "U8 [3, 2], to be scaled by wte.weight.absmax",
    ),
    "bitsandbytes, int8": (
        "wte",
        {"weight": CODES.astype(np.int8), "SCB": HALVES[:, 0]},
        "I8 [3, 2], to be scaled by wte.SCB",
    ),
}


@pytest.mark.parametrize("library", QUANTIZED)
def test_quantized_checkpoints_are_refused_by_name(tmp_path: Path, library: str) -> None:
    base, parts, found = QUANTIZED[library]
    tensors = {f"{base}.{part}": array for part, array in parts.items()}
    path = save_model(tmp_path, {**tensors, "model.layers.0.weight": CODES, "model.layers.0.scales": HALVES})
    name = next(iter(tensors))
    reason = f"quantized: {found}, which embstore cannot do; read the checkpoint that it was made from"
    for options in ({}, {"key": name}, {"dtype": "float32"}):
        assert short_refusal(path, **options) == f"/model.safetensors:{name}: {reason}"


def test_rows_that_are_not_quantized_are_read_beside_layers_that_are(tmp_path: Path) -> None:
    layers = {"model.layers.0.qweight": CODES, "model.layers.0.qzeros": CODES, "model.layers.0.scales": HALVES}
    path = save_model(tmp_path, {"model.embed_tokens.weight": MATRIX, **layers})
    assert embstore.open(path).vectors.tolist() == MATRIX.tolist()


def test_the_likeliest_tensor_comes_first_and_is_never_cut(tmp_path: Path) -> None:
    layers = {f"a.{number:02}.weight": OTHER for number in range(30)}
    path = save_model(tmp_path, {**layers, "z.word_emb.table": MATRIX, "z.large": np.ones((9, 2), np.float32)})
    message = short_refusal(path)
    start = "z.word_emb.table F32 [3, 2], z.large F32 [9, 2], a.00.weight F32 [3, 2], a.01.weight F32 [3, 2], "
    assert message.startswith(f"/model.safetensors: 32 tensors may be the table: name one with `key=` ({start}")
    assert message.endswith(", a.17.weight F32 [3, 2] and 12 more)")


def test_names_are_listed_on_one_line_and_short() -> None:
    assert listed([TensorEntry("a\nb"), TensorEntry("x" * 300)]) == f"a\\nb, {'x' * 200}"
    assert listed([]) == "no tensors"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("embeddings", [True, False, False]),
        ("a.embeddings", [True, False, False]),
        ("my_embeddings", [False, False, False]),
        ("pos_emb.weight", [False, True, False]),
        ("pos.emb.weight", [False, True, False]),
        ("encoder.embed_positions.weight", [False, True, False]),
        ("embeddings.token_type_embeddings.weight", [False, True, False]),
        ("transposed.wte.weight", [True, False, False]),
        ("lm_head.weight", [False, False, True]),
        ("attention.output.dense.weight", [False, False, False]),
    ],
)
def test_kinds_of_names(name: str, found: list[bool]) -> None:
    assert [is_known(name), is_position(name), is_output(name)] == found
