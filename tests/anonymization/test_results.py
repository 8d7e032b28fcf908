"""What a photo becomes: targets and outcomes belong together, and progress ends with the result."""

from deid.anonymization import pipeline
from deid.anonymization.options import Options


def test_progress_begins_with_what_is_hidden_and_ends_with_the_result(sample, sample_faces):
    steps = list(pipeline.steps(sample, Options("onepass", verify=False), sample_faces, preview_every=1))
    assert [step.stage for step in (steps[0], steps[-1])] == ["hidden", "done"]
    assert [step.result is None for step in steps] == [True] * (len(steps) - 1) + [False]
    assert all(step.done <= step.total == 2 for step in steps) and steps[-1].done == 2
    result = steps[-1].result
    assert len(result.targets) == len(result.outcomes) == 2 and not (result.left or result.regions)
    assert all(outcome.fill is not None for outcome in result.outcomes)
