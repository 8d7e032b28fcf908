"""Seconds and memory of a StyleGAN2 search by resolution, each measured in a process of its own.

``python -m deid.evaluation.benchmarks --resolution 64 128 256`` prints one JSON line per size. The networks
are of NVIDIA's widths with random weights: speed does not depend on what they learned.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import torch

from deid.generators import stylegan2
from deid.inpainting.interface import MaskedFaces
from deid.inpainting.latent_search import latent_search
from deid.inpainting.settings import Search

DEVICES = ("cpu", "cuda")


def widths(resolution: int) -> tuple[int, ...]:
    """Feature maps from 4 px on: NVIDIA's "paper256" configuration up to 256 px, "stylegan2" above."""
    base = 16384 if resolution <= 256 else 32768
    return tuple(min(512, base // (4 * 2**k)) for k in range((resolution // 4).bit_length()))


def measure_search(resolution: int, starts: int = 4, iterations: int = 3, device: str = "cpu") -> dict:
    """Seconds for one latent forward and backward, and the process's peak memory in bytes, for one face.

    On a GPU the peak is the device's. Call it in a new process: a process's peak never falls.
    """
    config = stylegan2.Config(widths(resolution))
    generator, discriminator = stylegan2.Generator(config), stylegan2.Discriminator(config)
    for network in (generator, discriminator):
        network.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)
    crops, visible = torch.zeros(1, 3, resolution, resolution), torch.ones(1, 1, resolution, resolution)
    visible[..., resolution // 4 : -resolution // 4, resolution // 4 : -resolution // 4] = 0
    search = Search(starts, iterations, bank=1, drop=False)
    steps = latent_search(generator, discriminator, MaskedFaces(crops, visible, [0]).to(device), search)
    next(steps)  # the first step warms up
    begin = time.perf_counter()
    for step in steps:
        if step.iteration == iterations - 1:
            break
    seconds = (time.perf_counter() - begin) / (starts * (iterations - 1))
    known = {"resolution": resolution, "device": device, "threads": torch.get_num_threads()}
    return known | {"seconds_a_latent": round(seconds, 4), "peak_bytes": peak(device)}


def measure_search_apart(resolution: int, starts: int = 4, iterations: int = 3, device: str = "cpu") -> dict:
    """``measure_search`` in a new process."""
    command = [sys.executable, "-m", "deid.evaluation.benchmarks", "--here"]
    command += ["--resolution", str(resolution), "--starts", str(starts), "--iterations", str(iterations)]
    done = subprocess.run([*command, "--device", device], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def peak(device: str) -> int:
    """The most memory in bytes that this process has held so far; on a GPU the device's."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    if status.exists():  # Linux, where the usual counter starts at the peak of the parent process
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    """The command line: one JSON line for each resolution."""
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m deid.evaluation.benchmarks", description=summary)
    sizes = [64, 128, 256]
    parser.add_argument("--resolution", type=int, nargs="+", default=sizes, help="powers of 2 (%(default)s)")
    parser.add_argument("--starts", type=int, default=4, help="latents of the face (%(default)s)")
    parser.add_argument(
        "--iterations", type=int, default=3, help="steps, the first not counted (%(default)s)"
    )
    parser.add_argument("--device", choices=DEVICES, default="cpu")
    parser.add_argument("--here", action="store_true", help="measure in this process, one resolution only")
    options = parser.parse_args()
    run = measure_search if options.here else measure_search_apart
    for resolution in options.resolution:
        print(json.dumps(run(resolution, options.starts, options.iterations, options.device)), flush=True)


if __name__ == "__main__":
    main()
