"""Copy and pickle a frozen layer: HOW STORE. HOW is ``embstore``, or ``torch`` for the same rows in memory."""

from __future__ import annotations

import copy
import json
import pickle
import sys
import time

import torch

from embstore.layers import Embedding

how, path = sys.argv[1:]
layer: torch.nn.Embedding = Embedding.from_pretrained(path)
layer(torch.arange(0, len(layer.weight), 7))  # pages of all of the file, read
if how == "torch":
    layer = torch.nn.Embedding.from_pretrained(layer.weight.clone())  # type: ignore[no-untyped-call]
copy.deepcopy(layer)
start = time.perf_counter()
copied = copy.deepcopy(layer)
middle = time.perf_counter()
pickled = pickle.dumps(layer)
loaded = pickle.loads(pickled)
end = time.perf_counter()
for other in (copied, loaded):
    if not torch.equal(other.weight, layer.weight):
        raise SystemExit("a copy has other rows")
print(json.dumps({"copy_seconds": middle - start, "pickle_seconds": end - middle, "pickle_bytes": len(pickled)}))
