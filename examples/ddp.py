"""Two processes train one model over the same mapped GloVe table, and neither of them copies it.

`DistributedDataParallel` broadcasts every parameter, so that each process gets a private copy of a table that all of
them had mapped; `embstore.keep_mapped` leaves the table out. The processes talk by gloo, on the CPU; the memory is read
from Linux.
"""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import BatchSampler, DistributedSampler

import embstore

GLOVE = Path(__file__).parents[1] / "formats/glove/valid/glove.6B.50d.sample.txt"
PROCESSES, EPOCHS = 2, 5
KIND = ["good", "great", "excellent", "wonderful", "fantastic", "best", "happy", "love", "beautiful", "perfect"]
UNKIND = ["bad", "terrible", "awful", "horrible", "worst", "poor", "sad", "hate", "ugly", "wrong"]
START = ["the price was", "a", "very", "it is", "we had a", "this product is"]
REVIEWS = [(f"{start} {word}".split(), float(word in KIND)) for start in START for word in KIND + UNKIND]


class Model(torch.nn.Module):
    """The mean of the frozen vectors of a review, and a trained score."""

    def __init__(self, glove: Path) -> None:
        super().__init__()
        self.bag = embstore.EmbeddingBag.from_pretrained(glove, mode="mean", oov="skip")
        self.score = torch.nn.Linear(self.bag.embedding_dim, 1)

    def forward(self, values: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        """Return the score of each review: (n, 1)."""
        scores: torch.Tensor = self.score(self.bag(values, offsets))
        return scores


def train(model: torch.nn.Module, encoder: embstore.EmbeddingBag) -> list[float]:
    """Train on this process's half of the reviews, and return the loss of each epoch."""
    sampler: DistributedSampler[int] = DistributedSampler(range(len(REVIEWS)))  # type: ignore[arg-type]
    batches = BatchSampler(sampler, 10, drop_last=False)
    optimizer = torch.optim.Adam((weight for weight in model.parameters() if weight.requires_grad), lr=0.05)
    losses = []
    for epoch in range(EPOCHS):
        sampler.set_epoch(epoch)
        total = 0.0
        for batch in batches:
            scores = model(*encoder.encode([REVIEWS[i][0] for i in batch]))
            targets = torch.tensor([REVIEWS[i][1] for i in batch])
            loss = torch.nn.functional.binary_cross_entropy_with_logits(scores.squeeze(1), targets)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item() / len(batches)
        losses.append(total)
    return losses


def private_bytes(path: Path) -> int:
    """Return the bytes of a mapped file that this process has copies of, as the kernel counts them."""
    found, within = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, *rest = line.split()
        if not name.endswith(":"):
            within = line.endswith(f" {path}")
        elif within and name == "Private_Dirty:":
            found += int(rest[0]) * 1024
    return found


def run(rank: int, glove: Path) -> None:
    """Train in one of the processes, three times."""
    torch.set_num_threads(1)
    meeting, patience = f"file://{glove.with_suffix('.meeting')}", datetime.timedelta(seconds=60)
    dist.init_process_group("gloo", meeting, rank=rank, world_size=PROCESSES, timeout=patience)
    for kind in ("DDP with keep_mapped", "FSDP2 with keep_mapped", "DDP alone"):
        torch.manual_seed(0)
        model: torch.nn.Module = Model(glove)
        bag, before = model.bag, private_bytes(glove)
        if kind.startswith("FSDP2"):
            fully_shard(model, ignored_params=embstore.keep_mapped(model))
        else:
            if kind != "DDP alone":
                embstore.keep_mapped(model)
            model = DistributedDataParallel(model)
        losses = train(model, bag)  # type: ignore[arg-type]
        private = private_bytes(glove) - before
        for turn in range(PROCESSES):
            dist.barrier()
            if turn == rank:
                loss = f"loss {losses[0]:.3f} -> {losses[-1]:.3f}"
                print(f"{kind}, rank {rank}: {loss}, {private:,} bytes of the table are private", flush=True)
    dist.destroy_process_group()


def main() -> None:
    """Write the table once, and start the processes."""
    with tempfile.TemporaryDirectory() as folder:
        glove = Path(folder).resolve() / "glove.safetensors"
        embstore.convert(GLOVE, glove)
        spawn(run, (glove,), PROCESSES)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
