"""The DCGAN: parameters as in PyTorch's own tutorial, initial weights as in the paper."""

import pytest
import torch

from deid.generators import dcgan

# `list(netG.state_dict())` and `list(netD.state_dict())` of
# https://pytorch.org/tutorials/beginner/dcgan_faces_tutorial.html


NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


TUTORIAL_G = [
    "main.0.weight", *(f"main.1.{name}" for name in NORM),
    "main.3.weight", *(f"main.4.{name}" for name in NORM),
    "main.6.weight", *(f"main.7.{name}" for name in NORM),
    "main.9.weight", *(f"main.10.{name}" for name in NORM),
    "main.12.weight",
]  # fmt: skip


TUTORIAL_D = [
    "main.0.weight",
    "main.2.weight", *(f"main.3.{name}" for name in NORM),
    "main.5.weight", *(f"main.6.{name}" for name in NORM),
    "main.8.weight", *(f"main.9.{name}" for name in NORM),
    "main.11.weight",
]  # fmt: skip


def test_state_dicts_are_those_of_the_tutorial():
    assert list(dcgan.Generator().state_dict()) == TUTORIAL_G
    assert list(dcgan.Discriminator(norm="batch").state_dict()) == TUTORIAL_D
    shapes = [tuple(value.shape) for name, value in dcgan.Generator().state_dict().items() if value.ndim == 4]
    assert shapes == [(100, 512, 4, 4), (512, 256, 4, 4), (256, 128, 4, 4), (128, 64, 4, 4), (64, 3, 4, 4)]
    spectral = dcgan.Discriminator(norm="spectral").plain_state_dict()
    assert list(spectral) == [name for name in TUTORIAL_D if name.split(".")[1] not in ("3", "6", "9")]


def test_networks_start_as_the_paper_says():
    torch.manual_seed(0)
    G = dcgan.Generator()
    assert G.main[3].weight.std().item() == pytest.approx(0.02, rel=0.05) and G.main[4].weight.mean() > 0.9
    assert G(G.sample_z(2, torch.Generator().manual_seed(0))).shape == (2, 3, 64, 64)
    assert dcgan.Discriminator()(torch.zeros(5, 3, 64, 64)).shape == (5,)


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
@torch.no_grad()
def test_a_plain_state_dict_gives_the_same_logits(norm):
    torch.manual_seed(0)
    D, images = dcgan.Discriminator(8, norm).eval(), torch.rand(3, 3, 64, 64) * 2 - 1
    plain = dcgan.Discriminator(8, "batch" if norm == "batch" else "none").eval()
    plain.load_state_dict(D.plain_state_dict())
    torch.testing.assert_close(plain(images), D(images), rtol=0, atol=1e-5)
    torch.testing.assert_close(D.logit_of_each(images)[:1], D(images[:1]), rtol=0, atol=1e-5)


def test_an_unknown_norm_is_refused():
    with pytest.raises(ValueError, match="norm must be 'batch', 'spectral' or 'none', not 'layer'"):
        dcgan.Discriminator(norm="layer")
