"""Options without effect are said; those with one are not."""

import pytest

from deid import arguments, effects


def told(line: str, photos: int = 2, clips: int = 0) -> list[str]:
    given = arguments.parse(line.split())
    options = arguments.options(given)
    files = effects.without_files(given, options, photos, clips)
    return [*effects.without(given, options), *files]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("a.jpg --starts 8", "--starts has no effect with --method reference"),
        ("a.jpg --strength 0.2", "--strength has no effect with --method reference"),
        ("a.jpg --method blackout --strength 2", "--strength has no effect with --method blackout"),
        ("a.jpg --method blur --seed 7", "--seed has no effect with --method blur"),
        ("a.jpg --method stylegan2 --truncation 1", "--truncation has no effect with --method stylegan2"),
        ("a.jpg --method stylegan2 --warm", "--warm has no effect with --method stylegan2"),
        ("a.jpg --no-verify --recogniser dlib", "--recogniser has no effect with --no-verify"),
        ("a.jpg --preview --gif", "--gif has no effect with --preview"),
        ("a.jpg -o out --review --no-verify", "--no-verify has no effect with --review"),
        ("a.jpg --preview --overwrite", "--overwrite has no effect with --preview"),
        ("a.jpg --workers 2 --preview", "--workers has no effect with --preview"),
        ("a.jpg -o out --workers 2 --cluster auto", "--workers has no effect with --cluster"),
        ("a.jpg --workers 2 --link", "--workers has no effect with --link"),
        ("a.jpg --webcam 0", "FILE_OR_FOLDER has no effect with --webcam"),
        ("--webcam 0 -o out", "-o has no effect with --webcam"),
    ],
)
def test_an_option_without_effect_is_named_with_the_reason(line, sentence):
    assert told(line) == [sentence]


@pytest.mark.parametrize(
    "line",
    [
        "a.jpg",
        "a.jpg --method dcgan --starts 8 --iterations 9 --warm --seed 3",
        "a.jpg --method onepass --truncation 1 --jitter 0.1 --weights x --min-size 30",
        "a.jpg --method blur --strength 0.2 --recogniser dlib --threshold 0.5",
        "a.jpg -o out --gif --keep-metadata date --keep-faceless --overwrite --link",
        "a.jpg -o out --workers auto",
        "a.jpg -o out --review --overwrite --min-score 0.5 --detector mtcnn",
        "--webcam 0 --method blur --device cpu",
    ],
)
def test_options_with_an_effect_are_not(line):
    assert told(line) == []


def test_what_is_to_be_done_decides_as_well():
    assert told("a.mp4 --gif", photos=0, clips=1) == ["--gif has no effect on clips"]
    assert told("a.jpg a.mp4 --gif", photos=1, clips=1) == []
    assert told("a.jpg --workers 2", photos=1) == ["--workers has no effect on a single photo"]
    assert told("a.jpg --link", photos=1) == ["--link has no effect on a single photo"]
