"""One training by several processes: each does its share of a batch, and all make the same step.

Every process draws the random numbers of the whole batch and uses its own share of them. Gradients and the
statistics of batch norm are those of the whole batch. So the losses are those of one process, up to the order
of sums. ``accelerate launch`` starts the processes, on one machine or on several (extra ``cluster``).
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn


class Alone:
    """The only process there is. ``number`` of ``count``: process 0 writes the run's files.

    ``device``: the one that is this process's own (empty: whichever is asked for).
    """

    number, count, device = 0, 1, ""

    def check(self, batch: int, what: str, splits: bool) -> None:
        """Raise ``ValueError`` where several processes cannot share a ``batch``, or ``what`` they train."""
        if self.count > 1 and not splits:
            raise ValueError(f"{what}: is trained by one process; start it without accelerate")
        if batch % self.count:
            raise ValueError(f"a batch of {batch} has no {self.count} equal parts; choose another --batch")

    def share(self, whole: Any) -> Any:
        """This process's part of a batch (N, ...): N / count examples."""
        if self.count == 1:
            return whole
        size = len(whole) // self.count
        return whole[self.number * size : (self.number + 1) * size]

    def drawn(self, draw: Callable[[Tensor], Tensor], part: Tensor) -> Tensor:
        """``draw`` of this process's part (n, ...), by the random numbers it would get in the whole batch.

        ``draw`` draws for each example of what it gets, and changes each by itself. The others' examples are
        zeros here.
        """
        if self.count == 1:
            return draw(part)
        before, after = self.number * len(part), (self.count - self.number - 1) * len(part)
        whole = F.pad(part, (0, 0) * (part.ndim - 1) + (before, after))
        return draw(whole)[before : before + len(part)]

    def mean(self, values: Iterable[Tensor]) -> None:
        """Make each of ``values`` its mean over all processes. In place."""

    def synchronized(self, network: nn.Module) -> nn.Module:
        """The network, its batch norm over the batches of all processes."""
        return network

    def agree(self, stop: bool) -> bool:
        """Whether any process wants to ``stop``: all hear the same."""
        return stop

    def wait(self) -> None:
        """Go on when all processes are here."""


ALONE = Alone()


class Together(Alone):
    """One of several processes. Raises ``ImportError`` where accelerate is not installed."""

    def __init__(self, cpu: bool = False) -> None:
        from accelerate import Accelerator

        self.accelerator = Accelerator(cpu=cpu)
        self.number, self.count = self.accelerator.process_index, self.accelerator.num_processes
        self.device = str(self.accelerator.device)

    def mean(self, values: Iterable[Tensor]) -> None:
        values = list(values)
        flat = self.accelerator.reduce(torch.cat([value.flatten() for value in values]), "mean")
        parts = flat.split([value.numel() for value in values])
        for value, part in zip(values, parts, strict=True):
            value.copy_(part.view_as(value))

    def synchronized(self, network: nn.Module) -> nn.Module:
        for name, child in network.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(network, name, SharedBatchNorm(child))
            else:
                self.synchronized(child)
        return network

    def agree(self, stop: bool) -> bool:
        wanted = torch.tensor(float(stop), device=self.device)
        return bool(self.accelerator.reduce(wanted, "sum") > 0)

    def wait(self) -> None:
        self.accelerator.wait_for_everyone()


def join(device: str = "auto") -> Alone:
    """The processes that ``accelerate launch`` started; alone without it. Raises ``ValueError``."""
    if _started() == 1:
        return ALONE
    try:
        return Together(cpu=device == "cpu")
    except ImportError:
        raise ValueError(
            "several processes need accelerate; run: pip install 'deid-faces[cluster]', or in a checkout"
            " '.[cluster]'"
        ) from None


def refuse_several(what: str) -> None:
    """Raise ``ValueError`` in one of several processes: ``what`` cannot be shared."""
    if _started() > 1:
        raise ValueError(f"{what}: is trained by one process; start it without accelerate")


def _started() -> int:
    """How many processes the launcher says that there are."""
    return int(os.environ.get("WORLD_SIZE", 1))


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm whose statistics in training are those of all processes' batches, on any device.

    PyTorch's own (``SyncBatchNorm``) refuses the CPU. Names and shapes of the state are batch norm's.
    """

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum)
        self.load_state_dict(norm.state_dict())
        self.to(norm.weight.device)

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W); ``momentum`` is a number."""
        if not self.training:
            return super().forward(images)
        values = images.float()
        count = values.numel() / values.shape[1] * dist.get_world_size()
        mean = _sum_over_all(values.sum((0, 2, 3))) / count
        centred = values - mean[:, None, None]
        variance = _sum_over_all(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None
            assert self.momentum is not None and self.num_batches_tracked is not None
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked.add_(1)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(images.dtype)


class _SumOverAll(torch.autograd.Function):
    """The sum over all processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _sum_over_all(gradient.contiguous())


def _sum_over_all(values: Tensor) -> Tensor:
    return _SumOverAll.apply(values)
