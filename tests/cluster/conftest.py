"""A real cluster of Ray on this machine: a head without cores, and nodes that can be lost."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def cluster() -> Iterator[SimpleNamespace]:
    """``address``; ``add()`` gives a node of one core, ``lose(node)`` kills it; one node is always there."""
    if not os.environ.get("DEID_CLUSTER"):
        pytest.skip("needs Ray, and minutes: make cluster installs it and runs this")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = str(ROOT)  # nodes import what is tested
    os.environ["OMP_NUM_THREADS"] = "1"
    import ray
    from ray.cluster_utils import Cluster

    small = {"object_store_memory": 100_000_000, "include_dashboard": False}
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    nodes.add_node(num_cpus=1, object_store_memory=100_000_000)

    def lose(node: object) -> None:
        nodes.remove_node(node, allow_graceful=False)

    def add() -> object:
        return nodes.add_node(num_cpus=1, object_store_memory=100_000_000)

    yield SimpleNamespace(address=nodes.address, add=add, lose=lose)
    ray.shutdown()
    nodes.shutdown()
