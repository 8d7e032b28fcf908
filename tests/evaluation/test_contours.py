"""Where cheeks end is told from skin, and the hole on the far side ends about there."""

import json

import pytest
import torch

from deid.evaluation import contours
from deid.evaluation.contours import Contour
from deid.photo.alignment import DCGAN_FRAME

SIZE = 128
POINTS = DCGAN_FRAME.resized(SIZE).points()


def head(left: float, right: float, points=POINTS) -> torch.Tensor:
    """A blue wall, and skin between so many eye distances to the left and to the right of the middle."""
    unit = (points[1] - points[0]).norm()
    middle = points[:2, 0].mean()
    columns = torch.arange(SIZE)
    skin = (columns >= middle - left * unit) & (columns <= middle + right * unit)
    colours = torch.where(
        skin, torch.tensor([0.5, 0.1, -0.1])[:, None], torch.tensor([-0.8, -0.5, 0.8])[:, None]
    )
    return colours[None, :, None].expand(1, 3, SIZE, SIZE) + 0.01 * torch.randn(
        1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)
    )


def test_cheeks_end_where_skin_does():
    turned = POINTS + torch.tensor([[0.0, 0], [0, 0], [8, 0], [0, 0], [0, 0]])
    found = contours.contour(head(1.1, 0.8), turned)
    assert found.turned == pytest.approx(0.18, abs=0.05)
    assert found.far == pytest.approx(0.8, abs=0.06) and found.near == pytest.approx(1.1, abs=0.06)
    other = contours.contour(
        head(0.8, 1.1), POINTS - torch.tensor([[0.0, 0], [0, 0], [8, 0], [0, 0], [0, 0]])
    )
    assert other.far == pytest.approx(0.8, abs=0.06), "to the left as to the right"
    frontal = contours.contour(head(1.1, 0.8), POINTS)
    assert found.hole < 0.9 * frontal.hole


def test_a_row_is_for_a_range_of_turns():
    found = [Contour(0.02, 1.0, 1.1, 1.0)] * 6 + [Contour(0.12, 0.5 + 0.1 * k, 1.2, 0.9) for k in range(5)]
    rows = list(contours.table([*found, Contour(0.45, 9.0, 9.0, 9.0)]))
    assert [row["faces"] for row in rows] == [6, 5], "of one head nothing is said"
    assert rows[1]["far"] == 0.7 and rows[1]["turned from"] == 0.1 and rows[1]["far, a fifth beyond"] == 0.82


def test_the_command_says_what_it_measured(portraits, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(contours, "FEW", 1)
    portraits(tmp_path, 2)
    assert contours.main([str(tmp_path)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(row["faces"] for row in rows) == 2 and all(0.3 < row["far"] < 1.7 for row in rows)
    assert contours.main([str(tmp_path / "none")]) == 1
