"""How a GAN is trained: the settings of a run, and the networks that it starts from."""

from dataclasses import dataclass, replace

from torch import nn

from deid.generators import dcgan, load_discriminator, load_generator, onepass, stylegan2

STYLED = {"stylegan2": stylegan2, "onepass": onepass}


@dataclass(frozen=True)
class Recipe:
    """How a GAN is trained. The defaults are our DCGAN's; ``PLAIN`` is the original study's (PyTorch's tutorial).

    ``images`` counts real images seen. ``translation`` shifts real and fake by up to so many pixels before the
    discriminator sees them (Zhao et al., 2020, arXiv 2006.10738). ``decay_from`` is the share of the run after
    which the learning rate falls linearly to zero. ``average`` is the decay of the generator's moving average.
    ``penalty`` is R1's gamma, applied every ``penalty_every`` steps (Mescheder et al., 2018, arXiv 1801.04406).
    ``start`` names weights to go on from, with new optimisers, where the checkpoint of the run that made them is gone:
    the count goes on from theirs. A one-pass network that has fewer ``channels`` grows.
    ``channels`` and ``latent`` are the feature maps from 4 px on and the length of z and w, for StyleGAN2's layers.
    ``noise`` feeds them noise for details, as Karras et al. (2019) do; a short run leaves all texture to it.
    ``context``, ``tone``, ``matching`` and ``variety`` weigh what a one-pass generator pays for (``games.Completion``).
    ``enlarged`` is the share of its faces that are shrunk and enlarged first: what a small face of a photo looks like.
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

# StyleGAN2 at 64 px, narrow enough for two CPU cores. R1's gamma is of the size that Karras et al. (2020, arXiv
# 2006.06676) use at this resolution and batch; no path length regularisation and no style mixing: they cost time, and
# 64 px need them least. No noise: a run as short as this leaves fine texture to it, the same on every face.
STYLE = Recipe(
    family="stylegan2", images=190_000, batch=16, learning_rate=1.5e-3, beta1=0.0, beta2=0.99, norm="none",
    penalty=0.05, average=0.999, decay_from=0.8, channels=(128, 128, 128, 64, 32), latent=128, mapping=4, noise=False,
)  # fmt: skip

# The one-pass generator for two CPU cores, in two parts: first 64 px, then a level more, from the weights of the first
# (``start``). Half the images cost half as much, and a face is learned before its pores. What shipped took more turns
# than these two (WEIGHTS.md).
ONEPASS_64 = Recipe(
    family="onepass", images=310_000, batch=16, learning_rate=1.5e-3, beta1=0.0, beta2=0.99, norm="none", penalty=0.5,
    translation=0, average=0.9995, decay_from=1.0, channels=(192, 192, 128, 64), latent=128, mapping=2, noise=False,
    context=5.0, tone=4.0, matching=20.0, variety=5.0, enlarged=0.3,
)  # fmt: skip
ONEPASS = replace(
    ONEPASS_64, images=400_000, learning_rate=8e-4, channels=(*ONEPASS_64.channels, 32), decay_from=0.85, variety=2.0
)


def networks(recipe: Recipe) -> tuple[nn.Module, nn.Module, int]:
    """G and D in training mode as the recipe starts them, and the images they have seen."""
    G, D, seen = _started(recipe) if recipe.start else (*_new(recipe), 0)
    if not recipe.noise:
        stylegan2.silence(G)
    return G, D, seen


def _new(recipe: Recipe) -> tuple[nn.Module, nn.Module]:
    if recipe.family == "dcgan":
        return dcgan.Generator(recipe.latent), dcgan.Discriminator(norm=recipe.norm)
    if recipe.family not in STYLED:
        raise ValueError(f"family must be dcgan, {' or '.join(STYLED)}, not {recipe.family!r}")
    config = _config(recipe)
    return STYLED[recipe.family].Generator(config), STYLED[recipe.family].Discriminator(config)


def _config(recipe: Recipe) -> stylegan2.Config:
    mapping = (recipe.latent,) * recipe.mapping
    # Without minibatch deviation a logit says something about its own image only, which a search needs.
    return stylegan2.Config(tuple(recipe.channels), recipe.latent, mapping, group_channels=0)


def _started(recipe: Recipe) -> tuple[nn.Module, nn.Module, int]:
    G, D = load_generator(recipe.start), load_discriminator(recipe.start)
    if G.family != recipe.family:
        raise ValueError(f"{recipe.start}: a {G.family} network cannot start a {recipe.family} recipe")
    seen = G.facts.get("images_seen", 0)
    if recipe.norm == "spectral":
        D.normalize()
    if recipe.family == "onepass" and len(recipe.channels) > len(G.config.channels):
        G, D = onepass.grow(G, _config(recipe)), onepass.grow(D, _config(recipe))
    for network in (G, D):
        network.train().requires_grad_(True)
    return G, D, seen


def facts(recipe: Recipe, G: nn.Module) -> dict:
    """What a weights file says about its networks besides their tensors."""
    known = {"family": recipe.family, "resolution": G.resolution, "frame": "deid"}
    if recipe.family == "stylegan2":
        known |= {"clamp": G.config.clamp, "mapping_rate": G.config.mapping_rate, "group": G.config.group}
    return known
