"""Weights in every format come back as the same network; any other file does nothing but raise."""

import json
import os

import pytest
import torch

from deid.generators import WeightsError, dcgan, load_discriminator, load_generator, stylegan2
from deid.generators.weights import files, loading

SMALL = stylegan2.Config(channels=(12, 10, 8), z_dim=10, mapping=(14, 16))


def test_half_precision_is_half_the_size_and_nearly_the_same(tmp_path, golden_pickle, outputs):
    full, half = (loading.convert(golden_pickle, tmp_path / f"{name}.safetensors", dtype)[0]
                  for name, dtype in (("full", torch.float32), ("half", torch.float16)))  # fmt: skip
    assert half.stat().st_size < 0.6 * full.stat().st_size
    images, wanted = outputs(half)[0], outputs(full)[0]
    assert 0 < (images - wanted).abs().max() < 0.02 * wanted.abs().max()


def test_a_generator_is_not_converted_beside_a_broken_discriminator(tmp_path):
    """A missing discriminator is no harm; one that cannot be loaded is, and then nothing is written."""
    files.write(tmp_path / "in.safetensors", stylegan2.Generator(SMALL).state_dict(), {})
    assert loading.convert(tmp_path / "in.safetensors", tmp_path / "alone.safetensors") == [
        tmp_path / "alone.safetensors"
    ]
    files.write(tmp_path / "in-discriminator.safetensors", {"b4.out.weight": torch.zeros(1, 1)}, {})
    with pytest.raises(WeightsError):
        loading.convert(tmp_path / "in.safetensors", tmp_path / "out.safetensors")
    assert not list(tmp_path.glob("out*"))


def test_state_dicts_of_the_dcgan_tutorial(tmp_path):
    """``torch.save(netG.state_dict())`` and the discriminator's beside it."""
    torch.manual_seed(0)
    G, D = dcgan.Generator().eval(), dcgan.Discriminator().eval()
    torch.save(G.state_dict(), tmp_path / "netG.pth")
    z = torch.randn(2, 100)
    with torch.no_grad():
        torch.testing.assert_close(load_generator(tmp_path / "netG.pth")(z), G(z))
        with pytest.raises(WeightsError, match="netG.pth: holds no discriminator"):
            load_discriminator(tmp_path / "netG.pth")
        torch.save(D.state_dict(), tmp_path / "netG-discriminator.pth")
        torch.testing.assert_close(load_discriminator(tmp_path / "netG.pth")(G(z)), D(G(z)))
    with pytest.raises(WeightsError, match="netG-discriminator.pth: holds no generator"):
        load_generator(tmp_path / "netG-discriminator.pth")
    files.write(tmp_path / "mixed-up.safetensors", D.state_dict(), {})
    with pytest.raises(
        WeightsError, match="mixed-up.safetensors: a discriminator; a generator was asked for"
    ):
        load_generator(tmp_path / "mixed-up.safetensors")


def test_a_hostile_state_dict_is_refused(tmp_path, call):
    marker = tmp_path / "was-executed"
    torch.save({"g_ema": call(os.system, f"touch {marker}")}, tmp_path / "bomb.pt")
    with pytest.raises(WeightsError, match="bomb.pt: refused or damaged, nothing in it was executed"):
        load_generator(tmp_path / "bomb.pt")
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(WeightsError, match="text.pt: refused or damaged"):
        load_generator(tmp_path / "text.pt")
    assert not marker.exists()


def test_weights_that_cannot_be_used_say_so(tmp_path):
    with pytest.raises(WeightsError, match="neither a file nor a bundled network"):
        load_generator("no-such-network")
    (tmp_path / "text.safetensors").write_text(json.dumps({"a": 1}))
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        load_generator(tmp_path / "text.safetensors")
    files.write(tmp_path / "other.safetensors", {"a": torch.zeros(2)}, {})
    with pytest.raises(
        WeightsError, match="other.safetensors: neither a DCGAN in the layout of PyTorch's tutorial"
    ):
        load_generator(tmp_path / "other.safetensors")
    files.write(tmp_path / "alone.safetensors", dcgan.Generator().state_dict(), {})
    assert load_generator(tmp_path / "alone.safetensors").z_dim == 100
    with pytest.raises(WeightsError, match="discriminator.safetensors: missing"):
        load_discriminator(tmp_path / "alone.safetensors")


@pytest.mark.parametrize("name", ["out.safetensors", "out-discriminator.safetensors"])
def test_a_conversion_never_writes_over_a_foreign_file(tmp_path, golden_pickle, name):
    """Where the discriminator's place is occupied, the generator is not written either."""
    (tmp_path / name).write_text("theirs")
    with pytest.raises(WeightsError, match=f"{name}: exists, and this project did not write it"):
        loading.convert(golden_pickle, tmp_path / "out.safetensors")
    assert (tmp_path / name).read_text() == "theirs" and [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("target", ["a.safetensors", "link.safetensors", "folder/../a.safetensors"])
def test_a_conversion_never_writes_over_its_source(tmp_path, golden_pickle, target):
    source, _ = loading.convert(golden_pickle, tmp_path / "a.safetensors")
    (tmp_path / "link.safetensors").symlink_to(source)
    (tmp_path / "folder").mkdir()
    before = source.read_bytes()
    with pytest.raises(WeightsError, match="is the source; choose another name"):
        loading.convert(source, tmp_path / target, torch.float16)
    assert source.read_bytes() == before


def test_a_conversion_never_writes_over_the_sources_discriminator(tmp_path, golden_pickle):
    source, beside = loading.convert(golden_pickle, tmp_path / "a.safetensors")
    before = beside.read_bytes()
    with pytest.raises(WeightsError, match="a-discriminator.safetensors: is the source"):
        loading.convert(source, beside)
    assert beside.read_bytes() == before


def test_a_conversion_can_be_repeated(tmp_path, golden_pickle):
    for _ in range(2):
        paths = loading.convert(golden_pickle, tmp_path / "a.safetensors")
    assert all(path.is_file() for path in paths)


def test_bundled_networks_are_found_by_name_and_files_before_them(tmp_path, monkeypatch):
    assert loading.locate("dcgan-64") == loading.BUNDLED / "dcgan-64.safetensors"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dcgan-64").touch()
    assert loading.locate("dcgan-64").resolve() == tmp_path / "dcgan-64"
    with pytest.raises(
        WeightsError, match="bundled are: dcgan-64, onepass-128, stylegan2-64; to download: ffhq"
    ):
        loading.locate("nothing")


def test_a_tensor_in_a_state_dict_is_not_larger_than_its_data(tmp_path):
    """One number that is said to be a trillion."""
    state = dcgan.Generator(8, 4).state_dict() | {
        "main.0.weight": torch.zeros(1, 1, 1, 1).expand(10**6, 10**6, 1, 1)
    }
    torch.save(state, tmp_path / "large.pt")
    with pytest.raises(
        WeightsError, match=r"large\.pt: refused or damaged.*main\.0\.weight is larger than its data"
    ):
        load_generator(tmp_path / "large.pt")


@pytest.mark.parametrize("mean", [[0.0], torch.zeros(3), None])
def test_a_damaged_checkpoint_of_rosinality_is_refused_by_name(tmp_path, mean):
    state = {"input.input": torch.zeros(1, 8, 4, 4), "style.1.weight": torch.zeros(8, 8), "latent_avg": mean}
    torch.save({"g_ema": state, "latent_avg": mean}, tmp_path / "theirs.pt")
    with pytest.raises(WeightsError, match=r"theirs\.pt: "):
        load_generator(tmp_path / "theirs.pt")
