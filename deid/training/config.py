"""How a GAN is trained: the settings of a run, and the recipes of this study."""

import math
from dataclasses import dataclass, replace

from deid.data.crops import FaceCrops


@dataclass(frozen=True)
class Recipe:
    """How a GAN is trained.

    The defaults are our DCGAN's. ``PLAIN`` is the original study's recipe (PyTorch's tutorial).

    - ``family`` names the networks and their objective (``objectives.OBJECTIVES``).
    - ``images`` counts real images seen, over the whole run.
    - ``penalty`` is R1's gamma, applied every ``penalty_every`` steps (Mescheder et al., 2018, arXiv
      1801.04406).
    - ``translation`` shifts real and fake images by up to so many pixels before the discriminator sees them
      (Zhao et al., 2020, arXiv 2006.10738).
    - ``average`` is the decay of the generator's moving average.
    - ``decay_from`` is the share of the run after which the learning rate falls linearly to zero.
    - ``channels`` are the feature maps from 4 px on, ``latent`` is the length of z and w, ``mapping`` the
      number of mapping layers. A DCGAN uses ``latent`` only.
    - ``noise`` feeds the layers of a StyleGAN2 noise for details, as Karras et al. (2019) do. A short run
      leaves all texture to it.
    - ``context``, ``tone``, ``matching`` and ``variety`` weigh the losses of ``OnePassObjective``.
    - ``enlarged`` is the share of its faces that are shrunk and enlarged first, like small faces in a photo.
    - ``start`` names weights to go on from, with new optimisers, where the checkpoint of their run is gone.
      The count of images goes on from theirs. A one-pass network with fewer ``channels`` grows.
    """

    family: str = "dcgan"
    images: int = 1_200_000
    batch: int = 128
    learning_rate: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    norm: str = "spectral"
    penalty: float = 0.0
    penalty_every: int = 16
    flips: bool = True
    translation: int = 4
    average: float = 0.999
    decay_from: float = 0.7
    bfloat16: bool = True
    channels: tuple[int, ...] = ()
    latent: int = 100
    mapping: int = 0
    noise: bool = True
    context: float = 0.0
    tone: float = 0.0
    matching: float = 0.0
    variety: float = 0.0
    enlarged: float = 0.0
    start: str = ""
    seed: int = 0


PLAIN = Recipe(norm="batch", flips=False, translation=0, average=0.0, decay_from=1.0)

# StyleGAN2 at 64 px, narrow enough for two CPU cores. R1's gamma is of the size that Karras et al. (2020,
# arXiv 2006.06676) use at this resolution and batch. There is no path length regularisation and no style
# mixing: they cost time, and 64 px need them least. There is no noise: a run as short as this leaves fine
# texture to it, the same on every face.
STYLE = Recipe(
    family="stylegan2", images=190_000, batch=16, learning_rate=1.5e-3, beta1=0.0, beta2=0.99, norm="none",
    penalty=0.05, average=0.999, decay_from=0.8,
    channels=(128, 128, 128, 64, 32), latent=128, mapping=4, noise=False,
)  # fmt: skip

# The one-pass generator for two CPU cores, in two parts: first 64 px, then one level more, from the weights
# of the first (``start``). Images of half the side cost less, and a face is learned before its pores. What
# shipped took more parts than these two (WEIGHTS.md).
ONEPASS_64 = Recipe(
    family="onepass", images=310_000, batch=16, learning_rate=1.5e-3, beta1=0.0, beta2=0.99, norm="none",
    penalty=0.5, translation=0, average=0.9995, decay_from=1.0,
    channels=(192, 192, 128, 64), latent=128, mapping=2, noise=False,
    context=5.0, tone=4.0, matching=20.0, variety=5.0, enlarged=0.3,
)  # fmt: skip
ONEPASS = replace(
    ONEPASS_64,
    images=400_000,
    learning_rate=8e-4,
    decay_from=0.85,
    channels=(*ONEPASS_64.channels, 32),
    variety=2.0,
)
# One level more: ``onepass-128`` grown to 256 px. For a GPU; ``python -m deid.training onepass-256`` goes on
# with it a few minutes at a time.
ONEPASS_256 = replace(
    ONEPASS,
    images=900_000,
    learning_rate=5e-4,
    channels=(*ONEPASS.channels, 16),
    start="onepass-128",
)


@dataclass(frozen=True)
class Schedule:
    """When a run writes previews and checkpoints, and where it stops; in images seen if not said otherwise.

    ``until`` stops before the recipe's end, and so does the time that ``seconds`` allow; a later call goes on
    as if it had not. ``preview_crops`` are the faces that a one-pass generator completes in the previews:
    others than it learns from, if possible.
    """

    preview_every: int = 20_000
    checkpoint_every: int = 20_000
    until: int | None = None
    seconds: float = math.inf
    preview_crops: FaceCrops | None = None
