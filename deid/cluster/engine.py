"""One function over many items, by Ray Data on a cluster, or one after the other in this process."""

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Item = dict[str, Any]
FAILED = "failed"  # in place of a result: what the function raised
# A bar of a worker has no terminal. Threads that wait sleep.
ENVIRONMENT = {"TQDM_DISABLE": "1", "OMP_WAIT_POLICY": "PASSIVE"}


class ClusterError(ValueError):
    """A cluster that cannot be used; the message says why, and what to do."""


def run(
    function: Callable[[Item], Item], items: Sequence[Item], cluster: str | None, gpus: float = 0
) -> Iterator[Item]:
    """What ``function`` makes of each item, as it is made: in order in this process (``cluster`` None).

    On a cluster the function may be called again for an item whose machine was lost: what it writes has to
    be the same then. Each call has one core, and ``gpus``. Raises what the function raises; on a cluster
    ``ClusterError``, when all other items are done.
    """
    if cluster is None:
        yield from map(function, items)
        return
    connect(cluster)
    failed = []
    for result in _spread(function, items, gpus) if items else ():
        if FAILED in result:
            failed.append(result[FAILED])
        else:
            yield result
    if failed:
        raise ClusterError(f"{len(failed)} of {len(items)} parts failed, the first one with: {failed[0]}")


def _spread(function: Callable[[Item], Item], items: Sequence[Item], gpus: float) -> Iterator[Item]:
    """The same by Ray Data, an item a block; of those that raise what they said."""
    import ray.data

    def call(item: Item) -> Item:
        try:
            return function(item)
        except Exception as error:  # Ray would end the run, and hide why
            return {FAILED: f"{type(error).__name__}: {error}"}

    logging.getLogger("ray.data").setLevel(logging.ERROR)  # we have a bar of our own
    ray.data.DataContext.get_current().enable_progress_bars = False
    rows = ray.data.from_items(list(items), override_num_blocks=len(items))
    environment = {"env_vars": ENVIRONMENT}
    mapped = rows.map(call, num_cpus=1, num_gpus=gpus or None, runtime_env=environment)
    try:
        yield from mapped.iter_rows()
    except ray.exceptions.RayError as error:
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise ClusterError(f"the cluster broke ({why}); the same call goes on where it was") from error


def connect(cluster: str) -> None:
    """Join a cluster by its address; ``auto``: the one of this machine, or one that is started for this run.

    Raises ``ClusterError``.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to others
    try:
        import ray
    except ImportError:
        raise ClusterError(
            "--cluster needs Ray; run: pip install 'deid-faces[cluster]', or in a checkout '.[cluster]'"
        ) from None
    if ray.is_initialized():
        return
    try:
        if cluster != "auto":  # Ray itself waits minutes for one that is not there
            host, _, port = cluster.removeprefix("ray://").rpartition(":")
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(
            address=None if cluster == "auto" else cluster,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"{cluster}: no cluster there ({error}); give HOST:PORT, and start one: ray start --head"
        ) from None
