"""Seconds and memory of a StyleGAN2 search by resolution, each measured in a process of its own.

``python -m deid.benchmarks --resolution 64 128 256`` prints one JSON line per size. The networks are of NVIDIA's widths
with random weights: speed does not depend on what they learned.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import torch

from deid import inpainting
from deid.generators import stylegan2
from deid.inpainting import Search

DEVICES = ("cpu", "cuda")


def widths(resolution: int) -> tuple[int, ...]:
    """Feature maps from 4 px on, as NVIDIA's "paper256" configuration has them up to 256 px, "stylegan2" above."""
    base = 16384 if resolution <= 256 else 32768
    return tuple(min(512, base // (4 * 2**k)) for k in range((resolution // 4).bit_length()))


def measure(resolution: int, starts: int = 4, iterations: int = 3, device: str = "cpu") -> dict:
    """Seconds for one latent forward and backward, and the process's peak memory in bytes, for one face.

    On a GPU the peak is the device's. Call it in a new process: a process's peak never falls.
    """
    config = stylegan2.Config(widths(resolution))
    layout = {"memory_format": torch.channels_last}
    networks = [kind(config).to(device, **layout).eval() for kind in (stylegan2.Generator, stylegan2.Discriminator)]
    for network in networks:
        network.requires_grad_(False)
    crops, visible = torch.zeros(1, 3, resolution, resolution), torch.ones(1, 1, resolution, resolution)
    visible[..., resolution // 4 : -resolution // 4, resolution // 4 : -resolution // 4] = 0
    search = Search(starts, iterations, bank=1, drop=False)
    steps = inpainting.search(*networks, crops.to(device), visible.to(device), [0], search)
    next(steps)  # the first step warms up
    begin = time.perf_counter()
    for step in steps:
        if step.iteration == iterations - 1:
            break
    seconds = (time.perf_counter() - begin) / (starts * (iterations - 1))
    known = {"resolution": resolution, "device": device, "threads": torch.get_num_threads()}
    return known | {"seconds_a_latent": round(seconds, 4), "peak_bytes": peak(device)}


def measure_apart(resolution: int, starts: int = 4, iterations: int = 3, device: str = "cpu") -> dict:
    """``measure`` in a new process."""
    command = [sys.executable, "-m", "deid.benchmarks", "--here", "--resolution", str(resolution)]
    command += ["--starts", str(starts), "--iterations", str(iterations), "--device", device]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def peak(device: str) -> int:
    """The most memory in bytes that this process has held so far; on a GPU the device's."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    if status.exists():  # Linux, where the usual counter starts at the peak of the process that started this one
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    """The command line: one JSON line for each resolution."""
    parser = argparse.ArgumentParser(prog="python -m deid.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--resolution", type=int, nargs="+", default=[64, 128, 256], help="powers of 2 (%(default)s)")
    parser.add_argument("--starts", type=int, default=4, help="latents of the face (%(default)s)")
    parser.add_argument("--iterations", type=int, default=3, help="steps, the first of them not counted (%(default)s)")
    parser.add_argument("--device", choices=DEVICES, default="cpu")
    parser.add_argument("--here", action="store_true", help="measure in this process, one resolution only")
    options = parser.parse_args()
    run = measure if options.here else measure_apart
    for resolution in options.resolution:
        print(json.dumps(run(resolution, options.starts, options.iterations, options.device)), flush=True)


if __name__ == "__main__":
    main()
