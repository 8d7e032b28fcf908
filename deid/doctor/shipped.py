"""The networks that ship, and the digests that they had when they were packed."""

import hashlib
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
DIGESTS = Path(__file__).with_name("weights.sha256")
TRAINING_ONLY = ("generators/bundled/onepass-128-discriminator.safetensors",)  # not in the wheel


def packed() -> dict[str, str]:
    """Name below the package -> digest, of all networks that ship."""
    lines = (line.split("  ", 1) for line in DIGESTS.read_text(encoding="utf-8").splitlines())
    return {name: digest for digest, name in lines}


def wrong(package: Path = PACKAGE) -> dict[str, str]:
    """Name -> what is wrong with it, of the networks below ``package`` that are not as they were packed."""
    found = {}
    for name, digest in packed().items():
        if not (package / name).is_file():
            found[name] = "missing"
        elif digest_of(package / name) != digest:
            found[name] = "not the file that was packed"
    return found


def write_digests(package: Path = PACKAGE, target: Path = DIGESTS) -> Path:
    """Note the digests of all networks below ``package``, a line each, as ``sha256sum`` writes them."""
    paths = sorted(package.rglob("*.safetensors"))
    lines = [f"{digest_of(path)}  {path.relative_to(package).as_posix()}\n" for path in paths]
    target.write_text("".join(lines), encoding="utf-8")
    return target


def digest_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
