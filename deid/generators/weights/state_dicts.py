"""State dicts as people save them: inside a training's checkpoint, and with prefixes before their names."""

from typing import Any

from torch import Tensor

# What a generator or discriminator is called in checkpoints; averages come first, for they draw better.
WITHIN = {
    "generator": ("g_ema", "G_ema", "netG_ema", "ema", "params_ema", "g", "G", "netG", "gen", "generator"),
    "discriminator": ("d", "D", "netD", "disc", "discriminator"),
}
BOTH = ("state_dict", "model_state_dict", "model", "params", "weights")
WRAPPERS = ("module.", "_orig_mod.")  # of data-parallel and of compiled networks
DEPTH = 3


def find(content: Any, role: str) -> dict[str, Any]:
    """The state dict of a "generator" or "discriminator" in what a checkpoint holds; empty where it has none.

    Where the names of both networks lie side by side (``netG.main.0.weight``), those of the role are taken.
    """
    for _ in range(DEPTH):
        if not isinstance(content, dict):
            return {}
        names = (*WITHIN[role], *BOTH)
        inner = next((content[name] for name in names if isinstance(content.get(name), dict)), None)
        if inner is None:
            break
        content = inner
    named = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    for prefix in WRAPPERS:
        named = _without(named, prefix) or named
    own = [_without(named, f"{name}.", others=True) for name in WITHIN[role]]
    found = next((part for part in own if part), named)
    for prefix in WRAPPERS:
        found = _without(found, prefix) or found
    return found


def contents(content: Any) -> str:
    """What a checkpoint holds, for a message: the first names in it."""
    names = list(content) if isinstance(content, dict) else [type(content).__name__]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(map(str, names[:5])) + more if names else "nothing"


def _without(named: dict[str, Any], prefix: str, others: bool = False) -> dict[str, Any]:
    """The tensors whose names begin with a prefix, without it; none where some do not, unless ``others``."""
    found = {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
    return found if others or len(found) == len(named) else {}
