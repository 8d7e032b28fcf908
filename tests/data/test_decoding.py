"""Photos decoded ahead: in chunks, in order, errors among them."""

from deid.data import dataset, decoding
from deid.photo.images import ImageError


def test_large_photos_are_not_decoded_all_at_once(tmp_path, monkeypatch, portraits):
    photos = portraits(tmp_path / "photos", 4)
    monkeypatch.setattr(decoding, "CHUNK_PIXELS", 60_000)  # a portrait has 48,000
    assert [step.done for step in dataset.create(photos, tmp_path / "faces", batch=32)] == [0, 2, 4]


def test_chunks_hold_every_photo_in_order_and_errors_among_them(tmp_path, portraits):
    photos = portraits(tmp_path, 5)
    photos[2].write_bytes(b"broken")
    chunks = list(decoding.decode_ahead([(photo.stem, photo) for photo in photos], batch=2))
    assert [len(chunk) for chunk in chunks] == [2, 2, 1]
    decoded = [pair for chunk in chunks for pair in chunk]
    assert [name for name, _ in decoded] == [photo.stem for photo in photos]
    assert [isinstance(photo, ImageError) for _, photo in decoded] == [False, False, True, False, False]
    assert list(decoding.decode_ahead([], batch=2)) == []
