"""From state dicts to networks: which family a file holds, in whose layout, and of what size."""

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from deid.generators import dcgan, onepass, stylegan2
from deid.generators.files import WeightsError

Tensors = dict[str, Tensor]
WHOLE_BATCH = 1 << 30


def build(tensors: Tensors, facts: dict[str, Any]) -> nn.Module:
    """The network that ``tensors`` belong to, with them loaded; ``facts`` say what their shapes leave open.

    Layouts: PyTorch's DCGAN tutorial, NVIDIA's stylegan2-ada-pytorch, our own one-pass networks'. Raises
    ``WeightsError`` for any other.
    """
    try:
        network = _empty(tensors, facts)
        wanted = set(network.state_dict())
        # NVIDIA's layers keep the blur kernel where they do not use it, too; others' do not keep it.
        blurs = {name for name in wanted ^ set(tensors) if name.endswith("resample_filter")}
        if any(
            torch.linalg.matrix_rank(tensors[name]) > 1 for name in wanted & set(tensors) if name.endswith("_filter")
        ):
            raise WeightsError("a smoothing kernel that is not an outer product; only StyleGAN2's own can be used")
        usable = {name: value for name, value in tensors.items() if name not in blurs}
        network.load_state_dict(usable | {name: stylegan2.blur() for name in blurs & wanted})
    except (RuntimeError, KeyError, IndexError, TypeError) as error:
        raise WeightsError(f"not a complete network: {error}") from None
    network.facts = facts
    return network


def role(tensors: Tensors) -> str:
    """ "generator", "discriminator", or "" for tensors of neither."""
    first = tensors.get("main.0.weight")
    if "synthesis.b4.const" in tensors or "join.weight" in tensors or (first is not None and first.shape[1:2] != (3,)):
        return "generator"
    return "discriminator" if "b4.out.weight" in tensors or first is not None else ""


def _empty(tensors: Tensors, facts: dict[str, Any]) -> nn.Module:
    first = tensors.get("main.0.weight")
    if first is not None and first.ndim == 4:
        return _dcgan(first, tensors)
    if "join.weight" in tensors:
        return onepass.Generator(onepass_config(tensors))
    if "read.0.weight" in tensors:
        return onepass.Discriminator(onepass_config(tensors))
    if "synthesis.b4.const" in tensors:
        return stylegan2.Generator(generator_config(tensors, facts))
    if "b4.out.weight" in tensors:
        return stylegan2.Discriminator(discriminator_config(tensors, facts))
    if any(name.startswith("synthesis.L") for name in tensors):
        raise WeightsError("a StyleGAN3 network (R or T); only StyleGAN2 networks can be used")
    raise WeightsError("neither a DCGAN in the layout of PyTorch's tutorial (main.0.weight) nor a StyleGAN2")


def _dcgan(first: Tensor, tensors: Tensors) -> nn.Module:
    if first.shape[1] == 3:  # a convolution that reads RGB: the discriminator
        norm = "batch" if any("running_mean" in key for key in tensors) else "none"
        return dcgan.Discriminator(first.shape[0], norm)
    return dcgan.Generator(first.shape[0], first.shape[1] // 8)


def generator_config(tensors: Tensors, facts: dict[str, Any]) -> stylegan2.Config:
    """The size of a StyleGAN2 generator in NVIDIA's layout."""
    if "mapping.embed.weight" in tensors:
        raise WeightsError("a class-conditional network; only unconditional ones draw a face from z alone")
    if any(".skip." in name for name in tensors):
        raise WeightsError('a generator with residual blocks; only the usual "skip" architecture can be used')
    depth = len(_numbered(tensors, r"mapping\.fc(\d+)\.weight"))
    blocks = _numbered(tensors, r"synthesis\.b(\d+)\.conv1\.weight")
    return stylegan2.Config(
        channels=tuple(tensors[f"synthesis.b{side}.conv1.weight"].shape[0] for side in blocks),
        z_dim=tensors["mapping.fc0.weight"].shape[1],
        mapping=tuple(tensors[f"mapping.fc{layer}.weight"].shape[0] for layer in range(depth)),
        mapping_rate=facts.get("mapping_rate", 0.01),
        clamp=facts.get("clamp"),
    )


def discriminator_config(tensors: Tensors, facts: dict[str, Any]) -> stylegan2.Config:
    """The size of a StyleGAN2 discriminator in NVIDIA's layout."""
    if any(name.startswith("mapping.") for name in tensors):
        raise WeightsError("a class-conditional network; only unconditional ones can be used")
    blocks = _numbered(tensors, r"b(\d+)\.conv1\.weight")
    if not all(f"b{side}.skip.weight" in tensors for side in blocks):
        raise WeightsError('a discriminator without shortcuts; only the usual "resnet" architecture can be used')
    width, inputs = tensors["b4.conv.weight"].shape[:2]
    return stylegan2.Config(
        channels=(width, *(tensors[f"b{side}.conv0.weight"].shape[0] for side in blocks)),
        clamp=facts.get("clamp"),
        group=facts.get("group") or WHOLE_BATCH,
        group_channels=inputs - width,
    )


def onepass_config(tensors: Tensors) -> stylegan2.Config:
    """The size of a one-pass generator or discriminator."""
    if "join.weight" not in tensors:
        levels = _numbered(tensors, r"read\.(\d+)\.weight")
        return stylegan2.Config(tuple(tensors[f"read.{k}.weight"].shape[0] for k in levels), group_channels=0)
    levels = _numbered(tensors, r"encoder\.own\.(\d+)\.weight")
    depth = len(_numbered(tensors, r"mapping\.fc(\d+)\.weight"))
    return stylegan2.Config(
        channels=tuple(tensors[f"encoder.own.{k}.weight"].shape[0] for k in levels),
        z_dim=tensors["mapping.fc0.weight"].shape[1],
        mapping=tuple(tensors[f"mapping.fc{layer}.weight"].shape[0] for layer in range(depth)),
    )


def facts_from(settings: dict[str, Any], role: str) -> dict[str, Any]:
    """What a pickled network's own settings say that its tensors do not."""
    if any(value not in ("lrelu", "linear") for name, value in settings.items() if name.endswith("activation")):
        raise WeightsError("an activation other than leaky ReLU; only the usual one can be used")
    layer = "synthesis.b4.conv1" if role == "generator" else "b4.conv"
    facts = {"family": "stylegan2", "role": role, "clamp": settings.get(f"{layer}.conv_clamp")}
    if role == "generator":
        return facts | {"mapping_rate": settings.get("mapping.fc0.bias_gain", 0.01)}
    return facts | {"group": settings.get("b4.mbstd.group_size")}


def from_rosinality(tensors: Tensors, mean: Tensor | None = None) -> Tensors:
    """A state dict of rosinality/stylegan2-pytorch, generator or discriminator, in NVIDIA's layout.

    ``mean`` is its ``latent_avg``; without it w's mean is estimated from 10,000 latents, as that code does.
    """
    rules = _ROSINALITY_G if "input.input" in tensors else _ROSINALITY_D
    last = max(_numbered(tensors, r"convs\.(\d+)\."), default=0)
    translated = {}
    for name, value in tensors.items():
        for pattern, target in rules:
            if (match := re.fullmatch(pattern, name)) is not None:
                translated[target(match, last)] = value
    translated = {name: _without_ones(name, value) for name, value in translated.items()}
    if "mapping.fc0.weight" in translated:
        translated["mapping.w_avg"] = _mean_w(translated) if mean is None else mean.flatten()
    return translated


def _numbered(tensors: Tensors, pattern: str) -> list[int]:
    """The numbers that occur in names of this pattern, in order."""
    matches = (re.match(pattern, name) for name in tensors)
    return sorted({int(match[1]) for match in matches if match})


def _without_ones(name: str, value: Tensor) -> Tensor:
    """Drop the leading axes of length 1 that rosinality's parameters carry."""
    kind = name.rsplit(".", 1)[-1]
    if kind == "bias":
        return value.flatten()
    axes = {"const": 3, "noise_const": 2, "noise_strength": 0}.get(kind, min(value.ndim, 4))
    return value.reshape(value.shape[value.ndim - axes :])


def _mean_w(tensors: Tensors) -> Tensor:
    config = generator_config(tensors, {})
    mapping = stylegan2.Mapping(config)
    own = {name.removeprefix("mapping."): value for name, value in tensors.items() if name.startswith("mapping.")}
    mapping.load_state_dict(own | {"w_avg": torch.zeros(config.w_dim)})
    with torch.no_grad():
        return mapping(torch.randn(10_000, config.z_dim, generator=torch.Generator().manual_seed(0)))[:, 0].mean(0)


Rule = tuple[str, Callable[[re.Match, int], str]]
# A modulated layer's parameters there and here.
_PARTS = {
    "conv.weight": "weight", "conv.modulation.weight": "affine.weight", "conv.modulation.bias": "affine.bias",
    "noise.weight": "noise_strength", "activate.bias": "bias", "bias": "bias",
}  # fmt: skip
_PART = "(" + "|".join(map(re.escape, _PARTS)) + ")"
_ROSINALITY_G: list[Rule] = [
    (r"style\.(\d+)\.(weight|bias)", lambda m, _: f"mapping.fc{int(m[1]) - 1}.{m[2]}"),
    (r"input\.input", lambda m, _: "synthesis.b4.const"),
    (r"conv1\." + _PART, lambda m, _: f"synthesis.b4.conv1.{_PARTS[m[1]]}"),
    (r"to_rgb1\." + _PART, lambda m, _: f"synthesis.b4.torgb.{_PARTS[m[1]]}"),
    (r"convs\.(\d+)\." + _PART, lambda m, _: f"synthesis.b{8 << int(m[1]) // 2}.conv{int(m[1]) % 2}.{_PARTS[m[2]]}"),
    (r"to_rgbs\.(\d+)\." + _PART, lambda m, _: f"synthesis.b{8 << int(m[1])}.torgb.{_PARTS[m[2]]}"),
    (r"noises\.noise_0", lambda m, _: "synthesis.b4.conv1.noise_const"),
    (r"noises\.noise_([1-9]\d*)",
     lambda m, _: f"synthesis.b{4 << (int(m[1]) + 1) // 2}.conv{(int(m[1]) + 1) % 2}.noise_const"),
]  # fmt: skip
_ROSINALITY_D: list[Rule] = [
    (r"convs\.0\.\d\.(weight|bias)", lambda m, last: f"b{4 << last}.fromrgb.{m[1]}"),
    (r"convs\.([1-9]\d*)\.conv([12])\.\d\.(weight|bias)",
     lambda m, last: f"b{8 << last - int(m[1])}.conv{int(m[2]) - 1}.{m[3]}"),
    (r"convs\.([1-9]\d*)\.skip\.1\.weight", lambda m, last: f"b{8 << last - int(m[1])}.skip.weight"),
    (r"final_conv\.\d\.(weight|bias)", lambda m, _: f"b4.conv.{m[1]}"),
    (r"final_linear\.([01])\.(weight|bias)", lambda m, _: f"b4.{('fc', 'out')[int(m[1])]}.{m[2]}"),
]  # fmt: skip
