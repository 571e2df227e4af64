"""Packed sequences for torch: each once, under any number of ranks and workers, and from the middle of an epoch on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

WINDOW = 65_536
"""Documents that are near each other when they are shuffled by windows."""


class Share:
    """The sequences of one rank, in order, dealt to workers in chunks.

    A chunk is a batch of the `DataLoader`: its workers take turns batch by batch, so that the loader gives the same
    batches in the same order, for any number of workers.

    Parameters
    ----------
    total
        The number of sequences of all ranks. Windows that do not divide evenly among the ranks are left out, so that no
        rank waits.
    rank, world
        This rank, from 0, and how many there are.
    chunk
        Sequences of a batch.
    """

    def __init__(self, total: int, rank: int, world: int, chunk: int) -> None:
        if not 0 <= rank < world:
            raise ValueError(f"rank: {rank} is not one of 0 to {world - 1}")
        if chunk < 1:
            raise ValueError(f"batch_size: {chunk} is not above 0")
        self.size = total // world
        self._rank, self._world, self._chunk = rank, world, chunk

    def numbers(self, start: int, yielded: int, worker: int, workers: int) -> Iterator[int]:
        """Give the numbers of the sequences of a worker.

        Parameters
        ----------
        start
            Sequences of this rank that are passed over.
        yielded
            Sequences of this worker that are passed over after these.
        worker, workers
            This worker, from 0, and how many there are.
        """
        while True:
            turn, place = divmod(yielded, self._chunk)
            position = start + (turn * workers + worker) * self._chunk + place
            if position >= self.size:
                # The other places of this chunk are beyond the end, too.
                return
            yield position * self._world + self._rank
            yielded += 1


def iterable(
    dataset: Any,  # noqa: ANN401 - it imports this module
    length: int,
    *,
    batch_size: int = 1,
    seed: int | None = None,
    window: int = WINDOW,
    rank: int | None = None,
    world: int | None = None,
    masks: bool = False,
) -> Any:  # noqa: ANN401 - torch has its own types
    """Make a `torch.utils.data.IterableDataset` of packed sequences.

    Parameters
    ----------
    dataset
        The documents.
    length
        Ids of a sequence: one more than the context, if inputs and labels are shifted.
    batch_size
        That of the `DataLoader`, whose workers then take turns.
    seed, window
        The order of each epoch, as for `Dataset.shuffled`.
    rank, world
        The number of this process, and the number of processes; by default from `torch.distributed`, or from `RANK` and
        `WORLD_SIZE`.
    masks
        Whether items also have `documents` and `positions`, to keep documents apart, and `learned`, of chats.

    Returns
    -------
    torch.utils.data.IterableDataset
        Of dicts: `ids`, int64, shape (length,), and with `masks` also those of `PackedSequence`. It has `set_epoch`,
        `resume(epoch, samples)` with the number of sequences that this rank has seen, `state_dict` and
        `load_state_dict`, and a length: the sequences of this rank.

    Raises
    ------
    ImportError
        If torch is absent.
    """
    try:
        import torch
        from torch.utils.data import IterableDataset, get_worker_info
    except ImportError as error:
        raise ImportError("this needs torch: pip install torch") from error
    own, all_ranks = _ranks(torch, rank, world)

    class Sequences(IterableDataset):  # type: ignore[misc,unused-ignore]
        """Packed sequences of one rank."""

        def __init__(self) -> None:
            self._epoch = self._start = self._yielded = 0

        def set_epoch(self, epoch: int) -> None:
            """Begin an epoch."""
            self.resume(epoch, 0)

        def resume(self, epoch: int, samples: int) -> None:
            """Go on in an epoch behind the sequences that this rank has seen, with any number of workers."""
            self._epoch, self._start, self._yielded = epoch, samples, 0

        def state_dict(self) -> dict[str, int]:
            """Tell where this process is."""
            return {"epoch": self._epoch, "start": self._start, "yielded": self._yielded}

        def load_state_dict(self, state: dict[str, int]) -> None:
            """Go on where a process was, with the same number of workers."""
            self._epoch, self._start, self._yielded = state["epoch"], state["start"], state["yielded"]

        def __len__(self) -> int:
            return Share(len(self._packed()), own, all_ranks, batch_size).size

        def _packed(self) -> Any:  # noqa: ANN401
            return dataset.packed(length, seed, self._epoch, window)

        def __iter__(self) -> Iterator[dict[str, Any]]:
            packed, info = self._packed(), get_worker_info()
            worker, workers = (info.id, info.num_workers) if info else (0, 1)
            share = Share(len(packed), own, all_ranks, batch_size)
            for number in share.numbers(self._start, self._yielded, worker, workers):
                self._yielded += 1
                yield _item(torch, packed[number], masks)
            self._epoch, self._start, self._yielded = self._epoch + 1, 0, 0

    return Sequences()


def _item(torch: Any, sequence: Any, masks: bool) -> dict[str, Any]:  # noqa: ANN401
    item = {"ids": torch.from_numpy(sequence.ids)}
    if masks:
        item |= {
            "documents": torch.from_numpy(sequence.documents),
            "positions": torch.from_numpy(sequence.positions),
            "learned": torch.from_numpy(sequence.learned),
        }
    return item


def _ranks(torch: Any, rank: int | None, world: int | None) -> tuple[int, int]:  # noqa: ANN401
    import os

    if rank is not None or world is not None:
        return rank or 0, world or 1
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
