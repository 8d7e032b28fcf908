"""The house rules: which room may import which, where tests live, how large things are, what they are called.

CONTRIBUTING.md says them in words. Imports under ``TYPE_CHECKING`` and inside functions count like any other.
"""

import ast
import json
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / "deid").rglob("*.py"))
NETWORKS = {
    Path("deid/generators/dcgan.py"),
    Path("deid/generators/stylegan2.py"),
    Path("deid/generators/onepass.py"),
    Path("deid/recognition/openface.py"),
}
PLAIN_MODULES = [path for path in MODULES if path not in NETWORKS]

SHARED = {"storage", "locks", "losses", "devices", "downloads", "onnx"}
SEES = SHARED | {"photo"}
DRAWS = SEES | {"generators", "data", "recognition", "references"}
ANONYMIZES = DRAWS | {"inpainting", "anonymization"}
MAY_IMPORT = {
    "locks": set(),
    "storage": {"locks"},
    "downloads": {"storage"},
    "losses": set(),
    "devices": set(),
    "onnx": set(),
    "photo": SHARED,
    "generators": SEES,
    "recognition": SEES,
    "references": SEES | {"recognition"},  # an embedding says what kind of person a reference shows
    "data": SEES | {"generators"},  # synthetic portraits need something that draws them
    "training": DRAWS,
    "inpainting": DRAWS,
    "anonymization": DRAWS | {"inpainting"},
    "video": ANONYMIZES,
    "evaluation": ANONYMIZES | {"training"},
    "figures": {"storage", "photo"},
    "study": {"storage", "photo"},
    "app": ANONYMIZES | {"figures", "video"},
    # Imported only when asked for; what it runs elsewhere is what the command line runs here.
    "cluster": ANONYMIZES | {"bars", "console", "training"},
    # The front doors: `import deid` and the command line.
    "__init__": ANONYMIZES,
    "arguments": ANONYMIZES | {"commands"},
    "bars": {"terminal"},
    "commands": set(),  # it imports what is asked for by its name
    "console": ANONYMIZES | {"bars", "figures", "machine", "terminal", "video"},
    "doctor": {"references"},  # it asks for the library, where PyTorch can be imported
    "effects": ANONYMIZES,
    "machine": set(),
    "runs": ANONYMIZES | {"bars", "cluster", "console", "effects", "machine", "workers"},
    "terminal": set(),
    "workers": ANONYMIZES | {"bars", "console", "machine"},
    "__main__": {"arguments", "commands", "photo", "runs", "terminal"},
}

# The command line of a room may draw and load what the room itself does not need.
COMMAND_LINES = {
    Path("deid/references/__main__.py"): {"figures", "generators"},
    Path("deid/data/__main__.py"): {"cluster"},
}

# Whole words that are gone; the brackets keep this file free of them.
GONE = (
    r"\b(?:[g]ames|[p]lay|[j]ournal|[k]ept|[n]obodies|[n]obody|[s]omebody|[P]ARROT|[p]arrot|[S]een|[t]ake|[a]im)\b"
    r"|\b[H]idden\(|class [H]idden\b"
)
METHODS = {"onepass", "dcgan", "stylegan2"}
OF_METHODS = ("deid/generators/", "deid/inpainting/registry.py")  # where a method's name may be compared
# Functions with more than five positional parameters, each with its reason.
MANY_PARAMETERS = {
    "deid/photo/texture.py: match": "four views of one place, a scale and a seed",
}
# Test files that belong to no single module.
OF_ALL = {
    "test_architecture.py",
    "test_browser.py",
    "test_fuzzing.py",
    "test_kills.py",
    "test_notebooks.py",
    "test_packaging.py",
}


def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def room(path: Path) -> str:
    """The first name below ``deid``: a package, a module, or a front door."""
    return path.parts[1].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    names = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: import by the full name"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    rooms = {name.split(".")[1] for name in names if name.startswith("deid.")}
    return rooms - {"__version__", room(path)}


def listed() -> list[Path]:
    """What git tracks or would add; deleted files are left out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode:
        pytest.skip("not a git checkout")
    return [Path(line) for line in sorted(set(result.stdout.splitlines())) if (ROOT / line).is_file()]


def written(path: Path) -> str:
    """The text that people wrote: of a notebook its cells, without outputs."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])


def found(pattern: str, paths: list[Path]) -> list[str]:
    hits = []
    for path in paths:
        for number, line in enumerate(written(path).splitlines(), 1):
            hits += [f"{path}:{number}: {hit.group()}" for hit in re.finditer(pattern, line)]
    return hits


def questions(path: Path) -> list[int]:
    """Lines that compare a family, or anything with the name of a method."""
    lines = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Compare | ast.MatchValue):
            words = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)} & METHODS
            operands = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            family = any(
                isinstance(operand, ast.Attribute) and operand.attr == "family" for operand in operands
            )
            lines += [node.lineno] if words or family else []
    return lines


def test_every_room_has_a_rule():
    assert {room(path) for path in MODULES} == set(MAY_IMPORT)


@pytest.mark.parametrize("name", sorted(MAY_IMPORT))
def test_imports_run_one_way(name):
    wrong = {
        str(path): sorted(imported_rooms(path) - MAY_IMPORT[name] - COMMAND_LINES.get(path, set()))
        for path in MODULES
        if room(path) == name
    }
    assert not {path: rooms for path, rooms in wrong.items() if rooms}


def test_tests_mirror_the_modules():
    wanted = {
        Path("tests", *path.parts[1:-1], f"test_{path.stem.strip('_')}.py")
        for path in MODULES
        if path.name != "__init__.py"
    }
    there = {path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py")}
    assert not sorted(map(str, wanted - there)), "modules without their test file"
    left = {path for path in there - wanted if path.name not in OF_ALL}
    # A package may have a test file of its own name, for what its __init__ holds.
    packages = {
        Path("tests", *path.parts[1:-1], "test_init.py") for path in MODULES if path.name == "__init__.py"
    }
    assert not sorted(map(str, left - packages)), "test files without their module"


def test_modules_have_at_most_200_lines():
    lines = {str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in PLAIN_MODULES}
    assert not {path: count for path, count in lines.items() if count > 200}


def test_functions_have_at_most_45_lines():
    lengths = {
        f"{path}: {node.name}": node.end_lineno - node.lineno + 1
        for path in PLAIN_MODULES
        for node in functions(path)
    }
    assert not {name: count for name, count in lengths.items() if count > 45}


def test_functions_have_at_most_five_positional_parameters():
    counted = {}
    for path in PLAIN_MODULES:
        for node in functions(path):
            names = [argument.arg for argument in [*node.args.posonlyargs, *node.args.args]]
            counted[f"{path}: {node.name}"] = len([name for name in names if name not in ("self", "cls")])
    many = {name: count for name, count in counted.items() if count > 5}
    assert set(many) == set(MANY_PARAMETERS), many


def test_a_class_name_means_one_thing():
    names = Counter(
        node.name
        for path in PLAIN_MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef)
    )
    assert not [name for name, count in names.items() if count > 1]


def test_only_generators_and_the_registry_ask_for_a_method_by_name():
    asked = []
    for path in MODULES:
        if not path.as_posix().startswith(OF_METHODS):
            asked += [f"{path}:{line}" for line in questions(path)]
    assert not asked


def test_the_names_that_are_gone_stay_gone():
    kinds = {".py", ".ipynb", ".md", ".yaml", ".yml", ".toml", ".cff", ".j2"}
    # Reports are records of past runs: they show what was run.
    texts = [path for path in listed() if path.suffix in kinds or path.name == "Makefile"]
    hits = found(GONE, [path for path in texts if path.parts[0] != "reports"])
    assert not hits, "\n".join(hits)


def test_nothing_has_a_placeholder_for_the_place_of_the_repository():
    binary = {".png", ".jpg", ".gif", ".safetensors", ".npz", ".pkl"}
    texts = [path for path in listed() if path.suffix not in binary]
    hits = [
        str(path) for path in texts if re.search(r"\bOW[N]ER\b", (ROOT / path).read_text(encoding="utf-8"))
    ]
    assert not hits
