"""Weights that are not those that were packed are named."""

from deid.doctor import shipped


def test_the_digests_are_those_of_the_weights_that_ship(tmp_path):
    written = shipped.write_digests(target=tmp_path / "digests").read_text()
    assert shipped.DIGESTS.read_text() == written, "run: python -m deid.doctor --write-digests"
    assert set(shipped.TRAINING_ONLY) <= set(shipped.packed())


def test_a_damaged_and_a_missing_network_are_named(tmp_path):
    for name in shipped.packed():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(shipped.PACKAGE / name)
    assert shipped.wrong(tmp_path) == {}
    for name in ("recognition/openface.safetensors", "recognition/traits.safetensors"):
        (tmp_path / name).unlink()
    (tmp_path / "recognition" / "traits.safetensors").write_bytes(b"damaged")
    assert shipped.wrong(tmp_path) == {
        "recognition/openface.safetensors": "missing",
        "recognition/traits.safetensors": "not the file that was packed",
    }
