"""Networks of rosinality/stylegan2-pytorch load as the same networks."""

from argparse import Namespace

import pytest
import torch

from deid.generators import WeightsError, load_discriminator, load_generator, stylegan2

SMALL = stylegan2.Config(channels=(12, 10, 8), z_dim=10, mapping=(14, 16))


def to_rosinality(state: dict) -> dict:
    """A 16 px generator's parameters under the names and in the shapes of rosinality/stylegan2-pytorch."""
    names = {
        "style.1": "mapping.fc0", "style.2": "mapping.fc1",
        "conv1": "synthesis.b4.conv1", "convs.0": "synthesis.b8.conv0", "convs.1": "synthesis.b8.conv1",
        "convs.2": "synthesis.b16.conv0", "convs.3": "synthesis.b16.conv1",
        "to_rgb1": "synthesis.b4.torgb", "to_rgbs.0": "synthesis.b8.torgb",
        "to_rgbs.1": "synthesis.b16.torgb",
    }  # fmt: skip
    theirs = {"input.input": state["synthesis.b4.const"][None]}
    for there, here in names.items():
        if there.startswith("style"):
            theirs |= {f"{there}.{part}": state[f"{here}.{part}"] for part in ("weight", "bias")}
            continue
        theirs[f"{there}.conv.weight"] = state[f"{here}.weight"][None]
        theirs |= {
            f"{there}.conv.modulation.{part}": state[f"{here}.affine.{part}"] for part in ("weight", "bias")
        }
        if "rgb" in there:
            theirs[f"{there}.bias"] = state[f"{here}.bias"].view(1, 3, 1, 1)
        else:
            theirs[f"{there}.noise.weight"] = state[f"{here}.noise_strength"].view(1)
            theirs[f"{there}.activate.bias"] = state[f"{here}.bias"]
    order = ["b4.conv1", "b8.conv0", "b8.conv1", "b16.conv0", "b16.conv1"]
    for k, name in enumerate(order):
        theirs[f"noises.noise_{k}"] = state[f"synthesis.{name}.noise_const"][None, None]
    return theirs | {
        "convs.0.conv.blur.kernel": torch.ones(4, 4),
        "to_rgbs.0.upsample.kernel": torch.ones(4, 4),
    }


def to_rosinality_discriminator(state: dict) -> dict:
    names = {
        "convs.0.0.weight": "b16.fromrgb.weight", "convs.0.1.bias": "b16.fromrgb.bias",
        "final_conv.0.weight": "b4.conv.weight", "final_conv.1.bias": "b4.conv.bias",
        "final_linear.0.weight": "b4.fc.weight", "final_linear.0.bias": "b4.fc.bias",
        "final_linear.1.weight": "b4.out.weight", "final_linear.1.bias": "b4.out.bias",
    }  # fmt: skip
    for block, side in ((1, 16), (2, 8)):
        names |= {
            f"convs.{block}.conv1.0.weight": f"b{side}.conv0.weight",
            f"convs.{block}.conv1.1.bias": f"b{side}.conv0.bias",
            f"convs.{block}.conv2.1.weight": f"b{side}.conv1.weight",
            f"convs.{block}.conv2.2.bias": f"b{side}.conv1.bias",
            f"convs.{block}.skip.1.weight": f"b{side}.skip.weight",
        }
    return {there: state[here] for there, here in names.items()} | {
        "convs.1.conv2.0.kernel": torch.ones(4, 4)
    }


@torch.no_grad()
def test_rosinality_checkpoints(tmp_path):
    torch.manual_seed(0)
    G, D = stylegan2.Generator(SMALL).eval(), stylegan2.Discriminator(SMALL)
    for parameter in [*G.parameters(), *D.parameters()]:
        parameter.add_(0.1 * torch.randn_like(parameter))  # biases and noise strengths are no longer zero
    z = torch.randn(2, 10)
    G.mapping.w_avg.copy_(G.mapping(torch.randn(10_000, 10))[:, 0].mean(0))
    checkpoint = {
        "g_ema": to_rosinality(G.state_dict()), "d": to_rosinality_discriminator(D.state_dict()),
        "latent_avg": G.mapping.w_avg, "args": Namespace(size=16),
    }  # fmt: skip
    torch.save(checkpoint, tmp_path / "theirs.pt")
    torch.testing.assert_close(load_generator(tmp_path / "theirs.pt")(z, 0.7), G(z, 0.7))
    torch.testing.assert_close(load_discriminator(tmp_path / "theirs.pt")(G(z)), D(G(z)))
    torch.save({"g_ema": checkpoint["g_ema"]}, tmp_path / "no-mean.pt")
    estimated = load_generator(tmp_path / "no-mean.pt").mapping.w_avg
    assert (estimated - G.mapping.w_avg).norm() < 0.1 * G.mapping(z)[:, 0].norm(dim=1).mean()
    with pytest.raises(WeightsError, match="no-mean.pt: holds no discriminator"):
        load_discriminator(tmp_path / "no-mean.pt")
