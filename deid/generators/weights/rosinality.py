"""Networks of rosinality/stylegan2-pytorch in NVIDIA's layout: other names, the same tensors."""

import re
from collections.abc import Callable

import torch
from torch import Tensor

from deid.generators import stylegan2
from deid.generators.weights.architectures import Tensors, generator_config, numbered


def from_rosinality(tensors: Tensors, mean: Tensor | None = None) -> Tensors:
    """A state dict of rosinality/stylegan2-pytorch, generator or discriminator, in NVIDIA's layout.

    ``mean`` is its ``latent_avg``; without it w's mean is estimated from 10,000 latents, as that code does.
    """
    rules = _GENERATOR if "input.input" in tensors else _DISCRIMINATOR
    last = max(numbered(tensors, r"convs\.(\d+)\."), default=0)
    translated = {}
    for name, value in tensors.items():
        for pattern, target in rules:
            if (match := re.fullmatch(pattern, name)) is not None:
                translated[target(match, last)] = value
    translated = {name: _without_ones(name, value) for name, value in translated.items()}
    if "mapping.fc0.weight" in translated:
        translated["mapping.w_avg"] = _mean_w(translated) if mean is None else mean.flatten()
    return translated


def _without_ones(name: str, value: Tensor) -> Tensor:
    """Drop the leading axes of length 1 that rosinality's parameters carry."""
    kind = name.rsplit(".", 1)[-1]
    if kind == "bias":
        return value.flatten()
    axes = {"const": 3, "noise_const": 2, "noise_strength": 0}.get(kind, min(value.ndim, 4))
    return value.reshape(value.shape[value.ndim - axes :])


def _mean_w(tensors: Tensors) -> Tensor:
    """The mean of w (w_dim,) over 10,000 latents."""
    config = generator_config(tensors, {})
    mapping, prefix = stylegan2.Mapping(config), "mapping."
    own = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    mapping.load_state_dict(own | {"w_avg": torch.zeros(config.w_dim)})
    z = torch.randn(10_000, config.z_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return mapping(z)[:, 0].mean(0)


Rule = tuple[str, Callable[[re.Match, int], str]]
# A modulated layer's parameters there and here.
_PARTS = {
    "conv.weight": "weight", "conv.modulation.weight": "affine.weight", "conv.modulation.bias": "affine.bias",
    "noise.weight": "noise_strength", "activate.bias": "bias", "bias": "bias",
}  # fmt: skip
_PART = "(" + "|".join(map(re.escape, _PARTS)) + ")"
_GENERATOR: list[Rule] = [
    (r"style\.(\d+)\.(weight|bias)", lambda m, _: f"mapping.fc{int(m[1]) - 1}.{m[2]}"),
    (r"input\.input", lambda m, _: "synthesis.b4.const"),
    (r"conv1\." + _PART, lambda m, _: f"synthesis.b4.conv1.{_PARTS[m[1]]}"),
    (r"to_rgb1\." + _PART, lambda m, _: f"synthesis.b4.torgb.{_PARTS[m[1]]}"),
    (r"convs\.(\d+)\." + _PART,
     lambda m, _: f"synthesis.b{8 << int(m[1]) // 2}.conv{int(m[1]) % 2}.{_PARTS[m[2]]}"),
    (r"to_rgbs\.(\d+)\." + _PART, lambda m, _: f"synthesis.b{8 << int(m[1])}.torgb.{_PARTS[m[2]]}"),
    (r"noises\.noise_0", lambda m, _: "synthesis.b4.conv1.noise_const"),
    (r"noises\.noise_([1-9]\d*)",
     lambda m, _: f"synthesis.b{4 << (int(m[1]) + 1) // 2}.conv{(int(m[1]) + 1) % 2}.noise_const"),
]  # fmt: skip
_DISCRIMINATOR: list[Rule] = [
    (r"convs\.0\.\d\.(weight|bias)", lambda m, last: f"b{4 << last}.fromrgb.{m[1]}"),
    (r"convs\.([1-9]\d*)\.conv([12])\.\d\.(weight|bias)",
     lambda m, last: f"b{8 << last - int(m[1])}.conv{int(m[2]) - 1}.{m[3]}"),
    (r"convs\.([1-9]\d*)\.skip\.1\.weight", lambda m, last: f"b{8 << last - int(m[1])}.skip.weight"),
    (r"final_conv\.\d\.(weight|bias)", lambda m, _: f"b4.conv.{m[1]}"),
    (r"final_linear\.([01])\.(weight|bias)", lambda m, _: f"b4.{('fc', 'out')[int(m[1])]}.{m[2]}"),
]  # fmt: skip
