"""The rows of the tables, from numbers that are known."""

import pytest

from deid.evaluation import rows


def test_the_short_table_has_five_rows_in_plain_words_by_the_worst_judge(numbers):
    found = rows.short(numbers)
    assert [row[rows.METHOD] for row in found] == list(rows.SHORT) and len(found) == 5
    original, black, blur, default, _ = found
    assert original[rows.FIXED] == "64.0 % (32.0 to 96.0)" and original[rows.AROUND] == "-"
    assert blur[rows.FIXED] == "10.0 % (5.0 to 15.0)" and blur[rows.ADAPTIVE] == "not run"
    assert default[rows.AROUND] == black[rows.AROUND] == black[rows.ADAPTIVE] == "20.0 % (10.0 to 30.0)"
    assert default[rows.ADAPTIVE] == "10.0 % (5.0 to 15.0)"


def test_a_short_table_without_one_of_its_rows_is_refused(numbers):
    del numbers["cases"]["blur strength=0.05"]
    with pytest.raises(ValueError, match="weak blur"):
        rows.short(numbers)


def test_every_case_has_a_row_and_nothing_is_invented(numbers):
    found = rows.every(numbers)
    assert [row[rows.METHOD].split(":")[0] for row in found] == list(numbers["cases"])
    default, bare = found[-2:]
    assert default[rows.METHOD] == "reference verify=yes: the tool's default"
    assert default["landmark error"] == "0.034" and default["people"] == "300"
    assert bare["landmark error"] == bare[rows.DETECTED] == "-" and rows.TOLD not in bare
    assert found[3][rows.AROUND] == "not run", "the blur's own hole was not made black"
    numbers["cases"]["reference"]["told"] = {"AUC": [0.987, 0.979, 0.994]}
    found = rows.every(numbers)
    assert found[-1][rows.TOLD] == "0.99 (0.98 to 0.99)" and found[0][rows.TOLD] == "not run"


def test_judges_stand_side_by_side(numbers):
    numbers["cases"]["reference"]["fixed"].pop("dlib")
    row = rows.judges(numbers)[-1]
    assert row["fixed, mobilefacenet"] == "2.0 % (1.0 to 3.0)"
    assert row["fixed, dlib"] == row["adaptive, dlib"] == "not run"


def test_error_rates_that_were_not_asked_for_are_said_to_be_missing(numbers):
    numbers["cases"]["reference"]["fixed"]["dlib"]["true accepts at 0.01%"] = [0.5, 0.4, 0.6]
    row = rows.rates(numbers)[-1]
    assert row["fixed, at 0.01 %"] == "50.0 % (40.0 to 60.0)" and row["fixed, at 0.1 %"] == "not run"


def test_only_cases_with_faces_to_compare_have_a_row_for_it(numbers):
    (row,) = rows.links(numbers)
    assert row["two photos linked, rank-1"] == "30.0 % (15.0 to 45.0)" and row["with one seed"] == "not run"
    assert row["matches the face it replaces"] == "2.0 % (0.0 to 3.0)"


def test_what_is_left_is_that_of_the_judge_who_sees_most_of_it(numbers):
    numbers["cases"]["reference"]["fixed"]["mobilefacenet"]["area under curve"] = 0.71
    row = rows.spread(numbers)[-1]
    assert row["AUC"] == "0.71" and row[rows.FIXED] == "2.0 % (1.0 to 3.0)" and row[rows.DETECTED] == "-"
