"""From state dicts to networks: which family a file holds, in whose layout, and of what size."""

import math
import re
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from deid.generators import dcgan, onepass, stylegan2
from deid.generators.interface import FaceDiscriminator, FaceGenerator
from deid.generators.weights.files import WeightsError
from deid.photo.alignment import FRAMES

Tensors = dict[str, Tensor]
WHOLE_BATCH = 1 << 30
MAKERS = (torch.empty, torch.full, torch.ones, torch.randn, torch.zeros)


class _NoLarger(TorchFunctionMode):
    """Inside of it at most so many numbers are made: one damaged shape asks for more than any memory holds.

    Raises ``RuntimeError`` before more are. PyTorch's own device "meta" would do as well, but what it imports
    takes longer than a photo does.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.left = most

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What PyTorch calls in place of ``func``."""
        if func in MAKERS:
            self.left -= math.prod(args[0] if isinstance(args[0], tuple | list) else args)
            if self.left < 0:
                raise RuntimeError("size mismatch: its layers would be larger than what the file holds")
        return func(*args, **(kwargs or {}))


def build(tensors: Tensors, facts: dict[str, Any]) -> FaceGenerator | FaceDiscriminator:
    """The network that ``tensors`` belong to, with them loaded; ``facts`` say what their shapes leave open.

    Layouts: PyTorch's DCGAN tutorial, NVIDIA's stylegan2-ada-pytorch, our own one-pass networks'. Raises
    ``WeightsError`` for any other.
    """
    try:
        _check(facts)
        with _NoLarger(2 * sum(value.numel() for value in tensors.values()) + 100_000):
            network = _loaded(tensors, facts)
        kernels = [
            tensors[name] for name in network.state_dict() if name.endswith("_filter") and name in tensors
        ]
        if any(torch.linalg.matrix_rank(kernel) > 1 for kernel in kernels):
            raise WeightsError(
                "a smoothing kernel that is not an outer product; only StyleGAN2's own can be used"
            )
    except (RuntimeError, KeyError, IndexError, TypeError) as error:
        raise WeightsError(f"not a complete network: {error}") from None
    network.facts = facts
    return network


def _check(facts: dict[str, Any]) -> None:
    """Raise ``WeightsError`` for facts that no network can be drawn with."""
    numbers = {
        name: facts[name] for name in ("clamp", "mapping_rate", "group") if facts.get(name) is not None
    }
    for name, value in numbers.items():
        if type(value) not in (int, float) or not 0 <= value < WHOLE_BATCH or (name == "group" and value % 1):
            raise WeightsError(f"its {name} is {value!r:.40}; that is no number a network can have")
    if (frame := facts.get("frame", "deid")) not in list(FRAMES):
        raise WeightsError(f"its frame is {frame!r:.40}; it must be one of {', '.join(FRAMES)}")


def _loaded(tensors: Tensors, facts: dict[str, Any]) -> FaceGenerator | FaceDiscriminator:
    network = _empty(tensors, facts)
    wanted = set(network.state_dict())
    # NVIDIA's layers hold the blur kernel even where they do not use it; others' never hold it.
    blurs = {name for name in wanted ^ set(tensors) if name.endswith("resample_filter")}
    usable = {name: value for name, value in tensors.items() if name not in blurs}
    network.load_state_dict(usable | {name: stylegan2.blur_kernel() for name in blurs & wanted})
    return network


def role(tensors: Tensors) -> str:
    """ "generator", "discriminator", or "" for tensors of neither."""
    first = tensors.get("main.0.weight")
    draws = first is not None and first.shape[1:2] != (3,)
    if draws or "synthesis.b4.const" in tensors or "join.weight" in tensors:
        return "generator"
    return "discriminator" if "b4.out.weight" in tensors or first is not None else ""


def _empty(tensors: Tensors, facts: dict[str, Any]) -> FaceGenerator | FaceDiscriminator:
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


def _dcgan(first: Tensor, tensors: Tensors) -> FaceGenerator | FaceDiscriminator:
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
    depth = len(numbered(tensors, r"mapping\.fc(\d+)\.weight"))
    blocks = numbered(tensors, r"synthesis\.b(\d+)\.conv1\.weight")
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
    blocks = numbered(tensors, r"b(\d+)\.conv1\.weight")
    if not all(f"b{side}.skip.weight" in tensors for side in blocks):
        raise WeightsError(
            'a discriminator without shortcuts; only the usual "resnet" architecture can be used'
        )
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
        levels = numbered(tensors, r"read\.(\d+)\.weight")
        return stylegan2.Config(tuple(tensors[f"read.{k}.weight"].shape[0] for k in levels), group_channels=0)
    levels = numbered(tensors, r"encoder\.own\.(\d+)\.weight")
    depth = len(numbered(tensors, r"mapping\.fc(\d+)\.weight"))
    return stylegan2.Config(
        channels=tuple(tensors[f"encoder.own.{k}.weight"].shape[0] for k in levels),
        z_dim=tensors["mapping.fc0.weight"].shape[1],
        mapping=tuple(tensors[f"mapping.fc{layer}.weight"].shape[0] for layer in range(depth)),
    )


def facts_from(settings: dict[str, Any], role: str) -> dict[str, Any]:
    """What a pickled network's own settings say that its tensors do not."""
    activations = {value for name, value in settings.items() if name.endswith("activation")}
    if activations - {"lrelu", "linear"}:
        raise WeightsError("an activation other than leaky ReLU; only the usual one can be used")
    layer = "synthesis.b4.conv1" if role == "generator" else "b4.conv"
    facts = {"family": "stylegan2", "role": role, "clamp": settings.get(f"{layer}.conv_clamp")}
    if role == "generator":
        return facts | {"mapping_rate": settings.get("mapping.fc0.bias_gain", 0.01)}
    return facts | {"group": settings.get("b4.mbstd.group_size")}


def numbered(tensors: Tensors, pattern: str) -> list[int]:
    """The numbers that occur in names of this pattern, in order."""
    matches = (re.match(pattern, name) for name in tensors)
    return sorted({int(match[1]) for match in matches if match})
