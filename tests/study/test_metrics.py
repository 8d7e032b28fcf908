"""All notebooks write into one file, and only into their own."""

import json

import pytest

from deid.storage import FolderError
from deid.study.metrics import save_metrics


def test_metrics_of_several_notebooks_share_a_file(tmp_path):
    save_metrics(tmp_path, "01", {"crops": 3})
    save_metrics(tmp_path, "02", {"rate": 0.5})
    path = save_metrics(tmp_path, "01", {"crops": 4})
    assert json.loads(path.read_text()) == {"01": {"crops": 4}, "02": {"rate": 0.5}}


@pytest.mark.parametrize("content", ["[1, 2]", '"text"', "{half a file", ""])
def test_a_file_that_is_no_json_object_is_refused_and_stays(content, tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text(content)
    with pytest.raises(FolderError, match=r"metrics\.json: not .*choose another folder"):
        save_metrics(tmp_path, "01", {"crops": 3})
    assert path.read_text() == content
