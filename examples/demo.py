"""The demo of `make demo`: convert real GloVe rows into one file, and look words up in it.

Each command and each line of Python is printed, then run.
"""

from __future__ import annotations

import code
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import embstore

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = "formats/glove/valid/glove.6B.50d.sample.txt"
STORE = "demo/glove.sample.safetensors"

COMMANDS = f"""
convert {SAMPLE} {STORE} --overwrite
similar {STORE} frog -k 4
analogy {STORE} man king woman -k 3
"""

SESSION = f"""
glove = embstore.open("{STORE}")
glove
glove["frog"][:4]
glove.rows("i was very happy with qzxv".split())  # -1: unknown
emb = embstore.Embedding.from_pretrained(glove, padding=True, oov="lower,hash:100")  # frozen, a torch layer
ids = emb.encode([["The", "king", "was", "happy"], ["good", "qzxv"]])
ids
emb(ids).shape
"""


def main() -> None:
    """Convert, find similar words, look up, and make a layer."""
    os.chdir(ROOT)
    Path(STORE).parent.mkdir(exist_ok=True)
    for command in COMMANDS.strip().splitlines():
        print(f"$ embstore {command}", flush=True)
        subprocess.run([sys.executable, "-m", "embstore", *shlex.split(command)], stderr=subprocess.STDOUT, check=True)
        print()

    console = code.InteractiveConsole({"embstore": embstore})
    for line in SESSION.strip().splitlines():
        print(">>>", line)
        console.push(line)

    print(f"\nopening the file and looking up one word took {opening_time() * 1000:.1f} ms: the file is memory-mapped")


def opening_time() -> float:
    """Return the seconds from the path to the vector of one word: the best of three, with modules already loaded."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        with embstore.open(STORE) as glove:
            glove["frog"]
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
