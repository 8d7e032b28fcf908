"""Where weights come from: bundled networks, files in four formats, downloads that were asked for."""

import argparse
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deid import storage
from deid.generators.weights import architectures, downloads, files, nvidia_pickle, state_dicts
from deid.generators.weights.files import NoNetworkError, WeightsError
from deid.generators.weights.recorded_pickle import BROKEN, said
from deid.generators.weights.rosinality import from_rosinality

TORCH = (".pt", ".pth", ".ckpt", ".bin", ".tar")
BUNDLED = Path(__file__).parents[1] / "bundled"
BESIDE = ("-discriminator", "-encoder")  # networks that lie beside a generator, by the ends of their names


def locate(name: str | Path) -> Path:
    """The file behind a path, a bundled short name ("dcgan-64"), or a short name or URL downloaded before.

    Never downloads: ``python -m deid.generators.weights fetch`` does.
    """
    path = Path(name)
    bundled = BUNDLED / f"{name}.safetensors"
    if path.is_file():
        return path
    if bundled.is_file():
        return bundled
    if downloads.is_known(name):
        return downloads.downloaded(str(name))
    known = ", ".join(sorted(p.stem for p in BUNDLED.glob("*.safetensors") if not p.stem.endswith(BESIDE)))
    raise WeightsError(
        f"{name}: neither a file nor a bundled network; bundled are: {known}; "
        f"to download: {', '.join(downloads.NAMES)}"
    )


def read_network(path: str | Path, role: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The "generator" or "discriminator" in a weights file -> (tensors in float32, facts about them).

    NVIDIA's ``.pkl`` and rosinality's checkpoints (``.pt``) hold both; ``.safetensors`` and plain state dicts
    one, and the discriminator lies beside as ``<name>-discriminator``, or both (``state_dicts``). Nothing in
    any of them is executed.
    """
    path = Path(path)
    if path.suffix == ".pkl":
        return _from_pickle(path, role)
    beside = discriminator_path(path)
    if path.suffix in TORCH:
        return _from_torch(beside if role == "discriminator" and beside.is_file() else path, role)
    if role == "generator":
        return files.read(path)
    if not beside.is_file():
        if beside.parent == BUNDLED:
            raise NoNetworkError(
                f"{beside.name}: left out of the installed package, for only training needs it; "
                f"train in a checkout of the project, or copy the file from there to {beside}"
            )
        raise NoNetworkError(f"{beside}: missing; a search needs the discriminator beside its generator")
    return files.read(beside)


def discriminator_path(path: Path) -> Path:
    """Where the discriminator of the generator in ``path`` lies."""
    return path.with_name(f"{path.stem}-discriminator{path.suffix}")


def encoder_path(path: Path) -> Path:
    """Where the encoder of the generator in ``path`` lies."""
    return path.with_name(f"{path.stem}-encoder.safetensors")


def read_encoder(path: Path) -> dict[str, Tensor]:
    """The tensors of the encoder of the generator in ``path``.

    Raises ``WeightsError`` where there is none, or where it was trained for other weights.
    """
    beside = encoder_path(path)
    if not beside.is_file():
        raise NoNetworkError(
            f"{beside}: missing; do without --warm, or train it: "
            f"python -m deid.training encoder --weights {path}"
        )
    tensors, facts = files.read(beside)
    if facts.get("generator") != storage.sha256(path):
        raise WeightsError(f"{beside}: the encoder of other weights than {path}; train it again")
    return tensors


def convert(source: str | Path, target: str | Path, precision: torch.dtype = torch.float32) -> list[Path]:
    """Write the networks in ``source`` as safetensors: ``target``, and the discriminator, if any, beside it.

    Raises ``WeightsError``, before anything is written, where a network cannot be loaded, or where a file of
    that name is the source or not ours.
    """
    source, target = locate(source), Path(target)
    if target.suffix != ".safetensors":
        raise WeightsError(f"{target}: the target's name must end in .safetensors")
    found = {target: read_network(source, "generator")}
    with suppress(NoNetworkError):  # a generator alone can still draw
        found[discriminator_path(target)] = read_network(source, "discriminator")
    for tensors, facts in found.values():
        try:
            architectures.build(tensors, facts)  # nothing is written unless all of it can be loaded
        except WeightsError as error:
            raise WeightsError(f"{source}: {error}") from None
    for path in found:
        if path.resolve() in (source.resolve(), discriminator_path(source).resolve()):
            raise WeightsError(f"{path}: is the source; choose another name for the target")
        files.refuse_foreign(path)
    for path, (tensors, facts) in found.items():
        files.write(path, tensors, facts | {"source_sha256": storage.sha256(source)}, precision)
    return list(found)


def _from_pickle(path: Path, role: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    networks = nvidia_pickle.read_pickle(path)
    names = ("G_ema", "G") if role == "generator" else ("D",)
    found = next((networks[name] for name in names if name in networks), None)
    if found is None:
        raise NoNetworkError(f"{path}: holds no {role}; it holds: {', '.join(networks) or 'no network'}")
    tensors = {
        name: value.float() if value.is_floating_point() else value for name, value in found.tensors.items()
    }
    try:
        return tensors, architectures.facts_from(found.settings, role)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None


def _from_torch(path: Path, role: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A state dict, or a training's checkpoint that holds several (``state_dicts``)."""
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):  # its checkpoints hold the command line
            content = torch.load(path, map_location="cpu", weights_only=True)
        tensors, facts = _from_content(content, role)
    except (*BROKEN, OSError, zipfile.BadZipFile) as error:
        raise WeightsError(
            f"{path}: refused or damaged, nothing in it was executed ({said(error)})"
        ) from None
    if architectures.role(tensors) != role:
        raise NoNetworkError(f"{path}: holds no {role}; it holds: {state_dicts.contents(content)}")
    return tensors, facts


def _from_content(content: Any, role: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    found = state_dicts.find(content, role)
    for name, value in found.items():
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise ValueError(f"{name} is larger than its data")
    tensors, facts = {name: value.float() for name, value in found.items()}, {"role": role}
    if "input.input" in tensors or "final_linear.1.weight" in tensors:
        tensors = from_rosinality(tensors, content.get("latent_avg"))
        return tensors, facts | {"family": "stylegan2", "clamp": None, "mapping_rate": 0.01, "group": 4}
    return tensors, facts
