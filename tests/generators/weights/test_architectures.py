"""From tensors to networks: what cannot be used says why."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from deid.generators import WeightsError, dcgan, load_generator, onepass, stylegan2
from deid.generators.weights import architectures, files

SMALL = stylegan2.Config(channels=(12, 10, 8), z_dim=10, mapping=(14, 16))
TINY = replace(SMALL, group_channels=0)  # a one-pass discriminator has no minibatch deviation


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mapping.embed.weight": torch.zeros(2, 2)}, "class-conditional"),
        ({"synthesis.b8.skip.weight": torch.zeros(2, 2)}, "residual blocks"),
        ({"synthesis.b16.conv1.weight": None}, "not a complete network"),
        ({"synthesis.b8.torgb.bias": torch.zeros(4)}, "not a complete network"),
    ],
)
def test_networks_of_another_kind_say_so(tmp_path, change, message):
    state = {
        name: value
        for name, value in (stylegan2.Generator(SMALL).state_dict() | change).items()
        if value is not None
    }
    files.write(tmp_path / "other.safetensors", state, {})
    with pytest.raises(WeightsError, match=f"other.safetensors: .*{message}"):
        load_generator(tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (lambda: dcgan.Generator(), "generator"),
        (lambda: dcgan.Discriminator(), "discriminator"),
        (lambda: stylegan2.Generator(SMALL), "generator"),
        (lambda: stylegan2.Discriminator(SMALL), "discriminator"),
        (lambda: onepass.Generator(TINY), "generator"),
        (lambda: onepass.Discriminator(TINY), "discriminator"),
    ],
)
def test_tensors_tell_their_role_and_their_network(network, expected):
    network = network()
    tensors = network.state_dict()
    assert architectures.role(tensors) == expected
    built = architectures.build(tensors, {})
    assert type(built) is type(network) and built.facts == {}
    assert all(torch.equal(value, tensors[name]) for name, value in built.state_dict().items())
    assert architectures.role({"a": torch.zeros(1)}) == ""


def test_stylegan3_and_other_smoothing_say_so():
    with pytest.raises(WeightsError, match=r"a StyleGAN3 network \(R or T\)"):
        architectures.build({"synthesis.L0_36_512.weight": torch.zeros(1)}, {})
    state = stylegan2.Generator(SMALL).state_dict()
    state["synthesis.b8.resample_filter"] = torch.eye(4)
    with pytest.raises(WeightsError, match="a smoothing kernel that is not an outer product"):
        architectures.build(state, {})
    with pytest.raises(WeightsError, match="an activation other than leaky ReLU"):
        architectures.facts_from({"synthesis.b4.conv1.activation": "relu"}, "generator")


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"clamp": "256"}, "its clamp is '256'"),
        ({"clamp": float("nan")}, "its clamp is nan"),
        ({"mapping_rate": []}, r"its mapping_rate is \[\]"),
        ({"group": 2.5}, "its group is 2.5"),
        ({"frame": "mine"}, "its frame is 'mine'; it must be one of deid, ffhq"),
        ({"frame": ["deid"]}, "its frame is"),
    ],
)
def test_facts_that_no_network_can_have_are_refused(facts, message):
    with pytest.raises(WeightsError, match=message):
        architectures.build(stylegan2.Generator(SMALL).state_dict(), facts)


def test_what_draws_is_loaded_without_what_compiles():
    """PyTorch imports its compiler for operations on its device "meta": longer than a photo takes."""
    code = "import sys, deid.runs; from deid.generators import load_generator; load_generator('onepass-128');"
    code += "print(*{'sympy', 'torch._dynamo', 'scipy.ndimage', 'scipy.optimize'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_a_shape_that_is_damaged_asks_for_no_memory():
    """One tensor of 4 MB would make a network of 4 TB: it is refused by its shapes alone."""
    state = dcgan.Generator(8, 4).state_dict()
    with pytest.raises(WeightsError, match="not a complete network: (?s:.*)size mismatch"):
        architectures.build(state | {"main.0.weight": torch.zeros(1, 1_000_000, 1, 1)}, {})
    mapping = {"mapping.fc0.weight": torch.zeros(1_000_000, 1)}
    with pytest.raises(WeightsError, match="not a complete network: (?s:.*)size mismatch"):
        architectures.build(stylegan2.Generator(SMALL).state_dict() | mapping, {})
