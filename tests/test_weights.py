"""Weights in every format come back as the same network; a file that is not weights does nothing but raise."""

import http.server
import io
import os
import pickle
import struct
import subprocess
import sys
import threading
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch

from deid.generators import (
    WeightsError,
    dcgan,
    downloads,
    files,
    formats,
    load_discriminator,
    load_generator,
    pickles,
    stylegan2,
    weights,
)

GOLDEN = Path(__file__).parent / "golden" / "generator.pkl"
SMALL = stylegan2.Config(channels=(12, 10, 8), z_dim=10, mapping=(14, 16))


class Call:
    """Pickles as a call of ``function`` with ``arguments``."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@torch.no_grad()
def outputs(path: Path) -> list[torch.Tensor]:
    G, D = load_generator(path), load_discriminator(path)
    images = G(torch.randn(2, G.z_dim, generator=torch.Generator().manual_seed(0)), truncation_psi=0.8)
    return [images, D(images)]


# --- pickles


def test_nvidia_pickle_gives_its_networks_by_name():
    networks = pickles.read(GOLDEN)
    assert set(networks) == {"G", "D", "G_ema"} and networks["G_ema"].class_name == "Generator"
    assert networks["G_ema"].tensors["synthesis.b4.const"].shape == (32, 4, 4)
    assert networks["G_ema"].settings["synthesis.b8.conv0.conv_clamp"] == 256
    assert networks["D"].settings["b4.mbstd.group_size"] == 4


@pytest.mark.parametrize("place", ["top", "inside", "after the network"])
@pytest.mark.parametrize("function", [os.system, eval, exec, open, getattr, subprocess.run, __import__, torch.load])
def test_a_hostile_pickle_is_refused_and_nothing_runs(tmp_path, place, function):
    marker = tmp_path / "was-executed"
    code = f"open({str(marker)!r}, 'w')" if function in (eval, exec) else f"touch {marker}"
    bomb = Call(function, code)
    content = {"top": bomb, "inside": {"G_ema": {"w": [bomb]}}, "after the network": {"training_set_kwargs": bomb}}[
        place
    ]
    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(WeightsError, match=rf"bomb.pkl: refused: the pickle names .*{function.__name__}") as caught:
        load_generator(tmp_path / "bomb.pkl")
    assert "nothing in it was executed" in str(caught.value)
    assert not marker.exists()


def test_a_bomb_behind_a_real_network_is_refused(tmp_path):
    """The network is whole, a call is appended to it: nothing may come out."""
    content = GOLDEN.read_bytes()
    assert content.endswith(b"u.")  # the last items of the dictionary, stop
    bomb = b"\x8c\x01x(cposix\nsystem\n\x8c\x04trueo"  # "x": posix.system("true")
    (tmp_path / "late.pkl").write_bytes(content[:-2] + bomb + content[-2:])
    with pytest.raises(WeightsError, match="refused: the pickle names posix.system"):
        load_generator(tmp_path / "late.pkl")


def test_a_bomb_in_a_storage_is_refused(tmp_path):
    for hidden in (Call(os.system, "true"), ("storage", Call(os.system, "true"), "0", "cpu", 1, None)):
        inner = b"".join(pickle.dumps(part, 2) for part in (pickles.MAGIC, 1001, {}, hidden))
        with pytest.raises(WeightsError, match="refused: the pickle names (posix|nt).system"):
            pickles.read_storage(inner)


def test_allowed_names_are_records_not_functions(tmp_path):
    """Even the names that networks use are never looked up: a fake ``torch_utils`` does not have to exist."""
    assert "torch_utils" not in sys.modules
    load_generator(GOLDEN)
    assert "torch_utils" not in sys.modules and "dnnlib" not in sys.modules


def storage_of(numbers: torch.Tensor, count: int | None = None) -> bytes:
    file = io.BytesIO()
    torch.save(numbers.untyped_storage(), file, _use_new_zipfile_serialization=False)
    torch.save(torch.storage.TypedStorage(wrap_storage=numbers.untyped_storage(), dtype=numbers.dtype, _internal=True),
               file := io.BytesIO(), _use_new_zipfile_serialization=False)  # fmt: skip
    return file.getvalue()


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.bool]
)
def test_storages_of_every_type(dtype):
    numbers = torch.tensor([0, 1, 1, 0], dtype=dtype)
    assert torch.equal(pickles.read_storage(storage_of(numbers)), numbers)


def test_a_storage_cut_short_is_damaged():
    content = storage_of(torch.arange(100.0))
    for cut in (content[:-1], content[:-400], content[: len(content) // 2], content + b"x"):
        with pytest.raises((WeightsError, EOFError, pickle.UnpicklingError, struct.error)):
            pickles.read_storage(cut)


@pytest.mark.parametrize("length", [0, 1, 100, 50_000, 500_000, -1])
def test_a_network_cut_short_names_the_file(tmp_path, length):
    (tmp_path / "cut.pkl").write_bytes(GOLDEN.read_bytes()[:length])
    with pytest.raises(WeightsError, match=r"cut.pkl: "):
        load_generator(tmp_path / "cut.pkl")


def test_damage_anywhere_never_gets_past_the_reader(tmp_path):
    content, random = GOLDEN.read_bytes(), np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(content)
        damaged[int(random.integers(0, 2600))] ^= int(random.integers(1, 256))  # the head, where the structure is
        (tmp_path / "damaged.pkl").write_bytes(damaged)
        try:
            load_generator(tmp_path / "damaged.pkl")
        except WeightsError as error:
            assert "damaged.pkl" in str(error)


def rebuild(size: tuple, stride: tuple, offset: int = 0):
    """A pickle with one tensor of this shape over four numbers."""
    storage = Call(torch.storage._load_from_bytes, storage_of(torch.arange(4.0)))
    return Call(torch._utils._rebuild_tensor_v2, storage, offset, size, stride, False, None)


@pytest.mark.parametrize(
    "shape", [((5,), (1,)), ((10**6, 10**6), (0, 0)), ((2,), (3,), 3), ((2, 2), (2,)), ((-1,), (1,))]
)
def test_a_tensor_beyond_its_data_is_refused(tmp_path, shape):
    (tmp_path / "large.pkl").write_bytes(pickle.dumps({"G_ema": rebuild(*shape)}))
    with pytest.raises(WeightsError, match="large.pkl: a tensor"):
        load_generator(tmp_path / "large.pkl")


def test_structures_that_explode_do_not(tmp_path):
    """Lists of lists that each refer twice to the one before: 2**60 leaves in 1 kB."""
    layers: list = [0]
    for _ in range(60):
        layers = [layers, layers]
    loop: list = []
    loop.append(loop)
    (tmp_path / "laughs.pkl").write_bytes(pickle.dumps({"a": layers, "b": loop}))
    with pytest.raises(WeightsError, match="holds no generator; it holds: no network"):
        load_generator(tmp_path / "laughs.pkl")


def test_other_pickles_say_what_they_are(tmp_path):
    (tmp_path / "numbers.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(WeightsError, match="numbers.pkl: not a readable network pickle"):
        load_generator(tmp_path / "numbers.pkl")
    (tmp_path / "tf.pkl").write_bytes(b"\x80\x02cdnnlib.tflib.network\nNetwork\n.")
    with pytest.raises(WeightsError, match="TensorFlow pickle; convert it with legacy.py"):
        load_generator(tmp_path / "tf.pkl")


# --- other formats


def test_pickle_to_safetensors_and_back(tmp_path):
    run = [sys.executable, "-m", "deid.generators.weights", "convert", str(GOLDEN), str(tmp_path / "mine.safetensors")]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.split() == [str(tmp_path / "mine.safetensors"), str(tmp_path / "mine-discriminator.safetensors")]
    for found, wanted in zip(outputs(tmp_path / "mine.safetensors"), outputs(GOLDEN), strict=True):
        assert torch.equal(found, wanted)
    _, facts = files.read(tmp_path / "mine.safetensors")
    assert facts["clamp"] == 256 and facts["source_sha256"] == files.sha256(GOLDEN)


def test_half_precision_is_half_the_size_and_nearly_the_same(tmp_path):
    full, half = (formats.convert(GOLDEN, tmp_path / f"{name}.safetensors", dtype)[0]
                  for name, dtype in (("full", torch.float32), ("half", torch.float16)))  # fmt: skip
    assert half.stat().st_size < 0.6 * full.stat().st_size
    images, wanted = outputs(half)[0], outputs(full)[0]
    assert 0 < (images - wanted).abs().max() < 0.02 * wanted.abs().max()


def test_a_generator_is_not_converted_beside_a_broken_discriminator(tmp_path):
    """A missing discriminator is no harm; one that cannot be loaded is, and then nothing is written."""
    files.write(tmp_path / "in.safetensors", stylegan2.Generator(SMALL).state_dict(), {})
    assert formats.convert(tmp_path / "in.safetensors", tmp_path / "alone.safetensors") == [
        tmp_path / "alone.safetensors"
    ]
    files.write(tmp_path / "in-discriminator.safetensors", {"b4.out.weight": torch.zeros(1, 1)}, {})
    with pytest.raises(WeightsError):
        formats.convert(tmp_path / "in.safetensors", tmp_path / "out.safetensors")
    assert not list(tmp_path.glob("out*"))


def test_wrong_conversions_leave_nothing(tmp_path, capsys):
    assert weights.main(["convert", str(GOLDEN), str(tmp_path / "out.pkl")]) == 1
    assert weights.main(["convert", str(tmp_path / "nowhere.pkl"), str(tmp_path / "out.safetensors")]) == 1
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps(Call(os.system, "true")))
    assert weights.main(["convert", str(tmp_path / "bad.pkl"), str(tmp_path / "out.safetensors")]) == 1
    assert "out.safetensors" not in os.listdir(tmp_path)
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3 and "must end in .safetensors" in errors[0] and "refused" in errors[2]


def to_rosinality(state: dict) -> dict:
    """A 16 px generator's parameters under the names and in the shapes of rosinality/stylegan2-pytorch."""
    names = {
        "style.1": "mapping.fc0", "style.2": "mapping.fc1",
        "conv1": "synthesis.b4.conv1", "convs.0": "synthesis.b8.conv0", "convs.1": "synthesis.b8.conv1",
        "convs.2": "synthesis.b16.conv0", "convs.3": "synthesis.b16.conv1",
        "to_rgb1": "synthesis.b4.torgb", "to_rgbs.0": "synthesis.b8.torgb", "to_rgbs.1": "synthesis.b16.torgb",
    }  # fmt: skip
    theirs = {"input.input": state["synthesis.b4.const"][None]}
    for there, here in names.items():
        if there.startswith("style"):
            theirs |= {f"{there}.{part}": state[f"{here}.{part}"] for part in ("weight", "bias")}
            continue
        theirs[f"{there}.conv.weight"] = state[f"{here}.weight"][None]
        theirs |= {f"{there}.conv.modulation.{part}": state[f"{here}.affine.{part}"] for part in ("weight", "bias")}
        if "rgb" in there:
            theirs[f"{there}.bias"] = state[f"{here}.bias"].view(1, 3, 1, 1)
        else:
            theirs[f"{there}.noise.weight"] = state[f"{here}.noise_strength"].view(1)
            theirs[f"{there}.activate.bias"] = state[f"{here}.bias"]
    order = ["b4.conv1", "b8.conv0", "b8.conv1", "b16.conv0", "b16.conv1"]
    for k, name in enumerate(order):
        theirs[f"noises.noise_{k}"] = state[f"synthesis.{name}.noise_const"][None, None]
    return theirs | {"convs.0.conv.blur.kernel": torch.ones(4, 4), "to_rgbs.0.upsample.kernel": torch.ones(4, 4)}


def to_rosinality_discriminator(state: dict) -> dict:
    names = {
        "convs.0.0.weight": "b16.fromrgb.weight", "convs.0.1.bias": "b16.fromrgb.bias",
        "final_conv.0.weight": "b4.conv.weight", "final_conv.1.bias": "b4.conv.bias",
        "final_linear.0.weight": "b4.fc.weight", "final_linear.0.bias": "b4.fc.bias",
        "final_linear.1.weight": "b4.out.weight", "final_linear.1.bias": "b4.out.bias",
    }  # fmt: skip
    for block, side in ((1, 16), (2, 8)):
        names |= {
            f"convs.{block}.conv1.0.weight": f"b{side}.conv0.weight",
            f"convs.{block}.conv1.1.bias": f"b{side}.conv0.bias",
            f"convs.{block}.conv2.1.weight": f"b{side}.conv1.weight",
            f"convs.{block}.conv2.2.bias": f"b{side}.conv1.bias",
            f"convs.{block}.skip.1.weight": f"b{side}.skip.weight",
        }
    return {there: state[here] for there, here in names.items()} | {"convs.1.conv2.0.kernel": torch.ones(4, 4)}


@torch.no_grad()
def test_rosinality_checkpoints(tmp_path):
    torch.manual_seed(0)
    G, D = stylegan2.Generator(SMALL).eval(), stylegan2.Discriminator(SMALL)
    for parameter in [*G.parameters(), *D.parameters()]:
        parameter.add_(0.1 * torch.randn_like(parameter))  # biases and noise strengths are no longer zero
    z = torch.randn(2, 10)
    G.mapping.w_avg.copy_(G.mapping(torch.randn(10_000, 10))[:, 0].mean(0))
    checkpoint = {
        "g_ema": to_rosinality(G.state_dict()), "d": to_rosinality_discriminator(D.state_dict()),
        "latent_avg": G.mapping.w_avg, "args": Namespace(size=16),
    }  # fmt: skip
    torch.save(checkpoint, tmp_path / "theirs.pt")
    torch.testing.assert_close(load_generator(tmp_path / "theirs.pt")(z, 0.7), G(z, 0.7))
    torch.testing.assert_close(load_discriminator(tmp_path / "theirs.pt")(G(z)), D(G(z)))
    torch.save({"g_ema": checkpoint["g_ema"]}, tmp_path / "no-mean.pt")
    estimated = load_generator(tmp_path / "no-mean.pt").mapping.w_avg
    assert (estimated - G.mapping.w_avg).norm() < 0.1 * G.mapping(z)[:, 0].norm(dim=1).mean()
    with pytest.raises(WeightsError, match="no-mean.pt: holds no discriminator"):
        load_discriminator(tmp_path / "no-mean.pt")


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
    with pytest.raises(WeightsError, match="mixed-up.safetensors: a discriminator; a generator was asked for"):
        load_generator(tmp_path / "mixed-up.safetensors")


def test_a_hostile_state_dict_is_refused(tmp_path):
    marker = tmp_path / "was-executed"
    torch.save({"g_ema": Call(os.system, f"touch {marker}")}, tmp_path / "bomb.pt")
    with pytest.raises(WeightsError, match="bomb.pt: refused or damaged, nothing in it was executed"):
        load_generator(tmp_path / "bomb.pt")
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(WeightsError, match="text.pt: refused or damaged"):
        load_generator(tmp_path / "text.pt")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mapping.embed.weight": torch.zeros(2, 2)}, "class-conditional"),
        ({"synthesis.b8.skip.weight": torch.zeros(2, 2)}, "residual blocks"),
        ({"synthesis.b16.conv1.weight": None}, "not a complete network"),
        ({"synthesis.b8.torgb.bias": torch.zeros(4)}, "not a complete network"),
    ],
)
def test_networks_of_another_kind_say_so(tmp_path, change, message):
    state = {
        name: value for name, value in (stylegan2.Generator(SMALL).state_dict() | change).items() if value is not None
    }
    files.write(tmp_path / "other.safetensors", state, {})
    with pytest.raises(WeightsError, match=f"other.safetensors: .*{message}"):
        load_generator(tmp_path / "other.safetensors")


# --- downloads


class Server(http.server.BaseHTTPRequestHandler):
    """Serves ``content``; breaks off after ``limit`` bytes, and honours ranges."""

    content, limit, seen = b"", None, []

    def do_GET(self):
        start = int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
        type(self).seen.append(start)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        self.wfile.write(self.content[start : self.limit])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Server.content, Server.limit, Server.seen = GOLDEN.read_bytes(), None, []
    with http.server.HTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/generator.pkl"
        running.shutdown()


def test_nothing_is_downloaded_unasked(server):
    for name in (server, "ffhq-256"):
        with pytest.raises(WeightsError, match="not downloaded yet.*weights fetch"):
            load_generator(name)
    assert Server.seen == []


def test_a_download_goes_on_is_checked_and_is_kept(server):
    Server.limit = 300_000
    with pytest.raises(WeightsError, match="download failed.*run it again to go on"):
        downloads.fetch(server)
    with pytest.raises(WeightsError, match="not downloaded yet"):
        load_generator(server)  # a part is not a network
    Server.limit = None
    path = downloads.fetch(server, files.sha256(GOLDEN))
    assert Server.seen == [0, 300_000] and path.read_bytes() == Server.content
    assert downloads.fetch(server) == path and len(Server.seen) == 2
    assert load_generator(server).resolution == 32
    path.write_bytes(Server.content + b" ")
    with pytest.raises(WeightsError, match="sha256 is .*, expected .*; delete the file and fetch it again"):
        load_generator(server)


def test_a_wrong_digest_keeps_nothing(server, tmp_path):
    with pytest.raises(WeightsError, match="expected 0000; the download was thrown away"):
        downloads.fetch(server, "0000")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_fetch_prints_the_licence_first(server, capsys):
    assert weights.main(["fetch", server]) == 0
    captured = capsys.readouterr()
    assert "publisher's terms" in captured.err and captured.out.strip().endswith("generator.pkl")
    assert "non-commercial" in downloads.licence("ffhq-256")
    assert (
        weights.main(["fetch", "no-such-name"]) == 1 and "neither a URL nor one of ffhq-256" in capsys.readouterr().err
    )
