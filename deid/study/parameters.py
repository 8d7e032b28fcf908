"""The parameters of a notebook have the names and types that their cell declares; papermill does not look.

``papermill -p foto x.jpg`` runs with the sample photo, and ``-p fresh false`` hands over the text "false",
which Python holds for true. And papermill works in the folder that it is called from, while paths in
parameters are relative to ``notebooks/``.
"""

import ast
import builtins
import difflib
import os
import sys
from pathlib import Path
from typing import Any, get_origin

WANTED = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a dictionary",
}
GIVEN = WANTED | {str: "text", type(None): "nothing"}
INJECTED = "# Parameters"  # how the cell begins that papermill puts behind the one with the parameters
FALSE = ("", "0", "f", "false", "n", "no", "none", "off")


class ParameterError(ValueError):
    """A parameter of another type than its cell declares; the message names it, its value and the fix."""


def begin(namespace: dict[str, Any]) -> None:
    """What a notebook does with its ``globals()`` first: they are checked, and ``notebooks/`` is entered.

    The working directory stays where ``../media`` holds the sample photo, or the package has no notebooks.
    """
    check_names(namespace)
    check_types(namespace)
    own = Path(__file__).resolve().parents[2] / "notebooks"
    if not Path("../media/sample.jpg").is_file() and own.is_dir():
        os.chdir(own)


def check_names(namespace: dict[str, Any]) -> None:
    """Raise ``ParameterError`` where papermill hands over a name that no cell declares."""
    known = list(_annotations(namespace))
    cells = [cell for cell in namespace.get("In", ()) if cell.startswith(INJECTED)]
    for name in (name for cell in cells for name in _assigned_in(cell)):
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            meant = f", did you mean {near[0]}?" if near else ";"
            raise ParameterError(f"{name}: no parameter of this notebook{meant} known are {', '.join(known)}")


def check_types(namespace: dict[str, Any]) -> None:
    """Raise ``ParameterError`` unless each annotated name in a notebook's ``globals()`` has a fitting value.

    A whole number is accepted for a float; True and False are not numbers.
    """
    for name, annotation in _annotations(namespace).items():
        if name not in namespace:
            raise ParameterError(f"{name}: declared, but it has no value")
        kind, value = _kind(name, annotation, namespace), namespace[name]
        if not _fits(value, kind):
            raise ParameterError(f"{name}: {_told(value, kind)}; with papermill: {_fix(name, value, kind)}")


def _annotations(namespace: dict[str, Any]) -> dict[str, Any]:
    """Name -> type, or the type's name.

    From Python 3.14 on a module only has a function that computes them, and a kernel, which compiles
    statement by statement, only that of the last one: there they are read in the cells, which IPython lists
    in ``In``.
    """
    if found := namespace.get("__annotations__"):
        return dict(found)
    found = {}
    for cell in namespace.get("In", ()):
        found |= _annotations_in(cell)
    if sys.version_info >= (3, 14) and (annotate := namespace.get("__annotate__")):
        import annotationlib

        found |= annotationlib.call_annotate_function(annotate, annotationlib.Format.FORWARDREF)
    return found


def _annotations_in(cell: str) -> dict[str, str]:
    """Name -> the type's name, of a cell's own variables."""
    try:
        statements = ast.parse(cell).body
    except SyntaxError:  # magic commands
        return {}
    annotated = [part for part in statements if isinstance(part, ast.AnnAssign)]
    return {
        part.target.id: ast.unparse(part.annotation)
        for part in annotated
        if isinstance(part.target, ast.Name)
    }


def _assigned_in(cell: str) -> list[str]:
    """The names that a cell gives a value to."""
    statements = [part for part in ast.parse(cell).body if isinstance(part, ast.Assign)]
    return [target.id for part in statements for target in part.targets if isinstance(target, ast.Name)]


def _kind(name: str, annotation: Any, namespace: dict[str, Any]) -> type:
    """The class behind an annotation: ``list``, ``"list"``, ``list[str]``, ``"list[str]"``."""
    if isinstance(annotation, str):
        word = annotation.partition("[")[0].strip()
        annotation = namespace.get(word, getattr(builtins, word, annotation))
    kind = get_origin(annotation) or annotation
    if not isinstance(kind, type):
        known = ", ".join(each.__name__ for each in WANTED)
        raise ParameterError(f"{name}: {annotation!r} is no type that can be checked; use one of {known}")
    return kind


def _fits(value: Any, kind: type) -> bool:
    if isinstance(value, bool):  # for Python a kind of int
        return kind in (bool, object)
    return isinstance(value, (int, float) if kind is float else kind)


def _told(value: Any, kind: type) -> str:
    """``'false' is text, and True or False is wanted``."""
    given = GIVEN.get(type(value), f"of type {type(value).__name__}")
    return f"{value!r} is {given}, and {WANTED.get(kind, kind.__name__)} is wanted"


def _fix(name: str, value: Any, kind: type) -> str:
    """What to write on papermill's command line instead; lists and dictionaries only come as YAML."""
    if kind is bool:
        return f"-p {name} {str(value).strip().lower() not in FALSE}"
    if kind in (int, float):
        return f"-p {name} {_number(value, kind)}"
    if kind is str:
        return f"-r {name} {'TEXT' if value is None else value}"
    return f"-y '{name}: {'{key: value}' if kind is dict else '[one, two]'}'"


def _number(value: Any, kind: type) -> str:
    """The value as such a number; an example where it is none."""
    try:
        return str(kind(float(value)))
    except (TypeError, ValueError, OverflowError):
        return "3" if kind is int else "0.5"
