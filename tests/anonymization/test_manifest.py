"""The manifest: everything needed to judge and repeat a result, and nothing of the photo or the machine."""

import dataclasses
import json
from pathlib import Path

import pytest

from deid.anonymization import pipeline
from deid.anonymization.manifest import manifest, settings
from deid.anonymization.options import Options


def test_a_manifest_is_plain_json_and_names_no_folder(sample, sample_faces, quick):
    options = quick["onepass"]
    record = manifest(pipeline.anonymize(sample, options, sample_faces), options)
    text = json.dumps(record)
    assert json.loads(text) == record and str(Path.home()) not in text and str(Path.cwd()) not in text
    assert record["size"] == list(sample.size) and record["verification"] == "off"
    own = dataclasses.replace(options, weights=str(next(path for path in options.load_method().files)))
    assert settings(own)["options"]["weights"] == "onepass-128.safetensors" != own.weights
    assert {"deid", "torch", "torchvision", "facenet-pytorch", "numpy", "pillow"} == set(record["versions"])
    for face in record["faces"]:
        assert face["method"] == "onepass" and face["truncation"] == options.truncation
        assert set(face["losses"]) == {"contextual"} and face["seconds"] > 0
        assert "similarity" not in face and "reason" not in face


@pytest.mark.usefixtures("accept_short_searches")
def test_how_far_a_face_was_enlarged_is_said_from_twofold_on(sample, sample_faces, quick):
    """The sample's faces are 2.5 and 1.9 times as fine as 128 px; as 64 px twice that."""
    for name, expected in (("onepass", [2.5, None]), ("dcgan", [5.1, 3.7])):
        record = manifest(pipeline.anonymize(sample, quick[name], sample_faces), quick[name])
        enlarged = [face.get("enlarged") for face in record["faces"]]
        assert enlarged == [value and pytest.approx(value, abs=0.1) for value in expected]


def test_the_largest_face_comes_first(sample, sample_faces, quick):
    options = dataclasses.replace(quick["onepass"], method="blackout")
    record = manifest(pipeline.anonymize(sample, options, sample_faces), options)
    sizes = [
        max(face["box"][2] - face["box"][0], face["box"][3] - face["box"][1]) for face in record["faces"]
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert "weights_sha256" not in record and record["options"]["weights"] == ""
    assert all("truncation" not in face and "enlarged" not in face for face in record["faces"])


def test_a_manifest_names_the_references_and_their_licences(sample, sample_faces, library_path):
    options = Options("reference", weights=str(library_path), verify=False)
    record = manifest(pipeline.anonymize(sample, options, sample_faces), options)
    assert json.loads(json.dumps(record)) == record
    assert len(record["references"]) == 2
    assert set(record["references"]) == {face["reference"] for face in record["faces"]}
    for credit in record["references"].values():
        assert credit["source"] == "openpeople" and "MIT" in credit["licence"] and credit["identity"]
    assert library_path.name in record["weights_sha256"], "the very library"


def test_of_a_warm_search_the_encoder_is_named():
    usual, warm = (settings(Options("dcgan", warm=warm))["weights_sha256"] for warm in (False, True))
    assert set(warm) - set(usual) == {"dcgan-64-encoder.safetensors"}
    assert settings(Options("stylegan2", warm=True))["weights_sha256"].keys() & warm.keys() == set()
