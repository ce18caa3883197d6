"""The golden fastText models with n-grams, and the vectors that other libraries give to unknown words by them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from support.paths import FORMATS

MODELS = FORMATS / "fasttext" / "valid"
MODEL = MODELS / "ngrams_2_to_4.bin"  # 6 words: </s> the frog žába a 日本語; 7 buckets; 3 dimensions
GOLDENS: list[dict[str, Any]] = json.loads((FORMATS / "oov" / "valid" / "subword.json").read_text())
# What gensim 4.4's load_facebook_vectors gives "frogs", "žáby" and "日本", which the golden files do not have.
BY_GENSIM = {
    "ngrams_1_to_1": [
        [0.140625, -0.31874999, -0.14687499],
        [0.12109375, -0.1015625, 0.0703125],
        [0.1875, 0.359375, 0.53125],
    ],
    "ngrams_2_to_4": [
        [-0.12291667, -0.16145833, 0.01041667],
        [-0.0625, -0.15364583, 0.01822917],
        [-0.04947917, -0.140625, 0.03125],
    ],
    "ngrams_3_to_6": [
        [-0.01897321, -0.18526785, -0.01339286],
        [-0.0125, -0.15625, 0.015625],
        [0.07291666, -0.28125, -0.109375],
    ],
}
# What fastText 0.9.2's get_word_vector gives them; to load the old ones it was given the header of version 11.
BY_FASTTEXT = {
    "old.bin": [
        [-0.12291668, -0.16145834, 0.01041667],
        [-0.0625, -0.15364584, 0.01822917],
        BY_GENSIM["ngrams_2_to_4"][2],
    ],
    "old_not_utf8.bin": [
        [-0.06875000, -0.10729167, -0.14583334],
        [-0.08723959, -0.04687500, -0.13802084],
        [0.05729167, -0.03385417, -0.12500000],
    ],
    "quantized.ftz": [
        [0.18958335, -0.13645834, 0.05416667],
        [0.11979167, -0.17317709, -0.07812500],
        [0.22395834, -0.23437500, 0.04427084],
    ],
    "quantized_norms.ftz": [[0.34973961, -0.17291668], [0.21191406, -0.45540366], [0.26497397, -0.06119792]],
    "quantized_wide.ftz": [[0.18958335, -0.13645834], [0.11979167, -0.17317709], [0.22395834, -0.23437500]],
}
STRANGERS = ["frogs", "žáby", "日本"]
"""The words of those vectors."""

WORDS = st.lists(
    st.sampled_from(["the", "frog", "žába", "frogs", "žáby", "x", "日本", "", "</s>", "x" * 40]), max_size=6
)
