"""Every item is done, wherever it ran: here, on nodes, on nodes that were lost in the middle."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from deid.cluster import engine
from deid.cluster.engine import ClusterError


def twice(item: dict) -> dict:
    return {"number": 2 * item["number"]}


def test_without_a_cluster_items_are_done_here_in_order():
    items = [{"number": number} for number in range(3)]
    assert list(engine.run(twice, items, None)) == [{"number": 0}, {"number": 2}, {"number": 4}]


def test_without_ray_the_way_to_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ClusterError, match=r"--cluster needs Ray; run: pip install .*\[cluster\]"):
        next(engine.run(twice, [{"number": 1}], "auto"))


@pytest.mark.parametrize("address", ["127.0.0.1:9", "nowhere"])
def test_an_address_without_a_cluster_is_said_at_once(monkeypatch, address):
    ray = SimpleNamespace(is_initialized=lambda: False)
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(ClusterError, match=f"{address}: no cluster there .*start one: ray start --head"):
        engine.connect(address)


@pytest.mark.slow
def test_a_node_that_is_lost_loses_no_item(cluster, tmp_path):
    """Nodes note which item they begin; of those that the lost one had begun, another begins again."""

    def work(item: dict) -> dict:
        import ray

        node = ray.get_runtime_context().get_node_id()
        (tmp_path / f"{item['number']:02}-{node}").touch()
        time.sleep(0.5)
        return {"number": item["number"], "node": node}

    lost, done = cluster.add(), []
    for result in engine.run(work, [{"number": number} for number in range(16)], cluster.address):
        done.append(result)
        if len({found.name[3:] for found in tmp_path.iterdir()}) == 2 and lost:
            cluster.lose(lost)
            lost = None
    assert lost is None, "both nodes had begun to work"
    assert sorted(result["number"] for result in done) == list(range(16))
    begun = [path.name[:2] for path in Path(tmp_path).iterdir()]
    assert len(begun) > len(set(begun)), "an item of the lost node was begun again"


@pytest.mark.slow
def test_an_item_that_fails_is_said_when_the_others_are_done(cluster):
    def work(item: dict) -> dict:
        if item["number"] == 1:
            raise ValueError("no such photo")
        return item

    done, results = [], engine.run(work, [{"number": number} for number in range(4)], cluster.address)
    with pytest.raises(ClusterError, match="1 of 4 parts failed, the first one with: ValueError: no such"):
        for result in results:
            done.append(result["number"])
    assert sorted(done) == [0, 2, 3]
