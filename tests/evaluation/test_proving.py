"""Recognisers prove themselves on pairs of photos, or do not judge."""

import json
import urllib.request

import pytest

from deid.evaluation import gates, proving
from deid.recognition import recognisers

EASY = "2 1\nCollins 1 2\nCollins 1 Hopper 1\nHopper 1 2\nCollins 2 Hopper 2\n"


@pytest.mark.slow
def test_a_judge_that_cannot_be_had_is_skipped_with_the_reason(two_people, tmp_path, monkeypatch):
    """No downloads at home, a closed port: two say what is missing, the others prove themselves."""
    pytest.importorskip("dlib")
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies of its first download
    recognisers.load.cache_clear()
    (tmp_path / "pairs.txt").write_text(EASY)
    proofs = proving.proofs(two_people, tmp_path / "pairs.txt", tmp_path / "cache")
    assert list(proofs) == list(recognisers.NAMES) and proofs["dlib"]["accuracy"] == 1
    for name, reason in (("facenet", "could not be downloaded"), ("mobilefacenet", "download failed")):
        assert reason in proofs[name]["skipped"] and "accuracy" not in proofs[name]


def test_both_together_are_proven_from_what_each_has_stored(two_people, tmp_path, capsys):
    pytest.importorskip("dlib")
    (tmp_path / "pairs.txt").write_text(EASY)
    given = [str(two_people), str(tmp_path / "pairs.txt"), "--cache", str(tmp_path / "cache")]
    for name in ("dlib", "openface", "openface+dlib"):
        proving.main([name, *given])
    assert [json.loads(line)["accuracy"] for line in capsys.readouterr().out.splitlines()] == [1, 1, 1]
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_judge_proves_itself_or_the_run_stops(two_people, tmp_path):
    """Collins against Hopper is easy; a judge that fails it is not set up right."""
    pytest.importorskip("dlib")
    (tmp_path / "pairs.txt").write_text(EASY)
    proof = proving.prove("dlib", two_people, tmp_path / "pairs.txt", tmp_path / "cache")
    assert proof["accuracy"] == 1 and proof["published"] == 0.9938
    (tmp_path / "pairs.txt").write_text(
        "2 1\nCollins 1 2\nCollins 1 Hopper 1\nCollins 1 2\nHopper 1 Hopper 2\n"
    )
    with pytest.raises(gates.GateError, match="not set up right"):
        proving.prove("dlib", two_people, tmp_path / "pairs.txt", tmp_path / "cache")
