"""What G and D learn: one objective per family of networks, all behind one interface, ``Objective``.

An objective knows the networks and the random numbers. ``loop`` knows optimisers, averages and checkpoints.
A new family is a new class and one more entry in ``OBJECTIVES``.
"""

from typing import Any

from deid.training.objectives.base import Objective
from deid.training.objectives.one_pass import MaskedBatch, OnePassObjective, mask_faces
from deid.training.objectives.whole_face import DCGANObjective, StyleGAN2Objective

__all__ = [
    "OBJECTIVES",
    "DCGANObjective",
    "MaskedBatch",
    "Objective",
    "OnePassObjective",
    "StyleGAN2Objective",
    "mask_faces",
    "objective_of",
]

OBJECTIVES: dict[str, type[Objective[Any]]] = {
    "dcgan": DCGANObjective,
    "stylegan2": StyleGAN2Objective,
    "onepass": OnePassObjective,
}


def objective_of(family: str) -> type[Objective[Any]]:
    """The objective of a family; raises ``ValueError`` for an unknown one."""
    if family not in OBJECTIVES:
        raise ValueError(f"family must be one of {', '.join(OBJECTIVES)}, not {family!r}")
    return OBJECTIVES[family]
