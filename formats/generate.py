"""Write the golden files: ``python formats/generate.py OUT [--glove glove.6B.50d.txt]``.

They follow from the SPECs alone. embstore is never imported, so that its mistakes cannot become expected results. OUT
gets one folder per format, like the folder of this file. To replace the committed files use ``formats`` as OUT, and
review the diff.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from makers import (
    arrow_files,
    csv_files,
    fasttext_files,
    fasttext_quantized,
    finalfusion_files,
    foreign_files,
    glove_invalid,
    glove_valid,
    glove_words,
    hashes,
    hdf5_files,
    hdf5_named,
    json_files,
    magnitude_files,
    named,
    numpy_files,
    packed,
    plain_safetensors,
    policies,
    projector_files,
    sample,
    spacy_files,
    store_invalid,
    store_valid,
    torch_files,
    whole_numbers,
    word2vec_files,
)


def main() -> None:
    """Write all golden files into OUT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--glove", type=Path, help="extract the sample of real rows from this file again")
    arguments = parser.parse_args()
    hashes.make(arguments.out / "hash")
    policies.make(arguments.out / "oov")
    glove_valid.make(arguments.out / "glove")
    glove_words.make(arguments.out / "glove")
    packed.make(arguments.out / "glove")
    glove_invalid.make(arguments.out / "glove")
    store_valid.make(arguments.out / "store")
    store_invalid.make(arguments.out / "store")
    sample.make(arguments.out / "glove", arguments.glove)
    plain_safetensors.make(arguments.out / "safetensors")
    hdf5_files.make(arguments.out / "hdf5")
    arrow_files.make_parquet(arguments.out / "parquet")
    arrow_files.make_arrow(arguments.out / "arrow")
    word2vec_files.make_text(arguments.out / "word2vec")
    word2vec_files.make_binary(arguments.out / "word2vec-bin")
    numpy_files.make_npy(arguments.out / "npy")
    numpy_files.make_npz(arguments.out / "npz")
    fasttext_files.make(arguments.out / "fasttext")
    fasttext_quantized.make(arguments.out / "fasttext")
    finalfusion_files.make(arguments.out / "finalfusion")
    magnitude_files.make(arguments.out / "magnitude")
    spacy_files.make(arguments.out / "spacy")
    torch_files.make(arguments.out / "torch")
    csv_files.make(arguments.out / "csv")
    json_files.make_json(arguments.out / "json")
    json_files.make_lines(arguments.out / "jsonl")
    named.make_npz(arguments.out / "npz")
    named.make_torch(arguments.out / "torch")
    named.make_safetensors(arguments.out / "safetensors")
    hdf5_named.make(arguments.out / "hdf5")
    whole_numbers.make_npz(arguments.out / "npz")
    whole_numbers.make_torch(arguments.out / "torch")
    whole_numbers.make_parquet(arguments.out / "parquet")
    whole_numbers.make_arrow(arguments.out / "arrow")
    projector_files.make(arguments.out / "projector")
    foreign_files.make(arguments.out)


if __name__ == "__main__":
    main()
