"""Which device computes."""


def resolve_device(name: str) -> str:
    """The device that ``name`` stands for; "auto" is the best one of this machine.

    Raises ``ValueError`` for a device that is not there.
    """
    import torch  # slow to import, and the command line's help needs no device

    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, here in available.items() if here)
    kind = name.split(":")[0]
    if kind not in available:
        raise ValueError(f"device must be auto, cpu, cuda or mps, not {name!r}")
    if not available[kind]:
        raise ValueError(f"device {name} is not available on this machine; use --device auto")
    return name
