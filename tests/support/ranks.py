"""Runs a function on several ranks: processes that talk by gloo, on this machine alone."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn

TIMEOUT = datetime.timedelta(seconds=60)


def run_on_ranks(function: Callable[..., None], folder: Path, *args: object, ranks: int = 2) -> None:
    """Call ``function(rank, *args)`` on each rank; what one of them raises is raised here.

    Parameters
    ----------
    function
        A function of a module, as it is pickled.
    folder
        Where the ranks meet: a file in it, so that no port is needed.
    """
    meeting = folder / "meeting"
    meeting.unlink(missing_ok=True)
    spawn(_on_rank, (function, f"file://{meeting}", ranks, args), nprocs=ranks)  # type: ignore[no-untyped-call]


def _on_rank(rank: int, function: Callable[..., None], meeting: str, ranks: int, args: tuple[object, ...]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=ranks, timeout=TIMEOUT)
    try:
        function(rank, *args)
        dist.barrier()  # no rank closes its connections while another one uses them
    except BaseException:
        dist.destroy_process_group()
        raise
    sys.stdout.flush()
    # Without the destructors of torch: where modules still hold groups, their threads may end after what they belong
    # to, and the process with "terminate called without an active exception".
    os._exit(0)
