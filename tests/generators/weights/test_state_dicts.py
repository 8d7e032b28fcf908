"""Checkpoints as people have them: whichever way a network was wrapped, it is the same network."""

import pytest
import torch

from deid.generators import WeightsError, load_generator
from deid.generators.dcgan import Discriminator, Generator
from deid.generators.weights import state_dicts
from deid.generators.weights.loading import read_network


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    return Generator(16, 8).state_dict(), Discriminator(8, "batch").state_dict()


def prefixed(prefix: str, state: dict) -> dict:
    return {prefix + name: value for name, value in state.items()}


def wrapped(generator: dict, discriminator: dict) -> dict[str, dict]:
    both = {**prefixed("netG.", generator), **prefixed("netD.", discriminator)}
    return {
        "plain": generator,
        "data parallel": prefixed("module.", generator),
        "compiled": prefixed("_orig_mod.", generator),
        "netG": {"netG": generator, "netD": discriminator, "epoch": 3},
        "generator, data parallel": {"generator": prefixed("module.", generator)},
        "state_dict": {"state_dict": generator, "epoch": 3},
        "one dict for both": {"state_dict": both},
        "the average before the last": {"G": prefixed("", discriminator), "G_ema": generator},
    }


WAYS = list(wrapped({}, {}))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("suffix", [".pt", ".ckpt", ".bin"])
def test_a_generator_is_found_however_it_was_saved(networks, tmp_path, way, suffix):
    path = tmp_path / f"weights{suffix}"
    torch.save(wrapped(*networks)[way], path)
    found, _ = read_network(path, "generator")
    assert found.keys() == networks[0].keys()
    assert all(torch.equal(found[name], value.float()) for name, value in networks[0].items())
    assert load_generator(str(path)).family == "dcgan"


@pytest.mark.parametrize("way", ["netG", "one dict for both"])
def test_the_discriminator_beside_it_is_found(networks, way):
    found = state_dicts.find(wrapped(*networks)[way], "discriminator")
    assert found.keys() == networks[1].keys()


def test_a_checkpoint_without_a_network_says_what_it_holds(tmp_path):
    torch.save({"optimizer": {"lr": 1.0}, "epoch": 3}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"a\.pth: holds no generator; it holds: optimizer, epoch"):
        read_network(tmp_path / "a.pth", "generator")


@pytest.mark.parametrize("content", [[], 3, {"state_dict": []}, {"g_ema": {"g_ema": {"g_ema": {}}}}])
def test_other_contents_are_no_network(content):
    assert state_dicts.find(content, "generator") == {}
