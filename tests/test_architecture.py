"""The rules of the code base: layers, sizes, docstrings, names. By reading, not importing."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src/skyreels_a2"
FILES = sorted(PACKAGE.rglob("*.py"))
LAYERS = {
    "media": 1,
    "runtime": 1,
    "scenes": 1,
    "conditioning": 2,
    "pipeline": 3,
    "data": 3,
    "bench": 3,
    "training": 4,
    "serving": 4,
    "cli": 5,
    "__main__": 6,
}
"""Layer of each part; the modules at the top are the vocabulary, layer 0."""
SIDEWAYS = {("scenes", "media")}
"""Imports between parts of one layer that are meant."""
TORCH = {"torch", "diffusers", "transformers", "accelerate", "peft", "safetensors"}
WITHOUT_TORCH = ("media", "scenes")
EMPTY_NAMES = {"utils", "util", "helpers", "common", "misc"}


def name_of(path):
    return path.relative_to(PACKAGE.parents[1]).as_posix()


def part_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path):
    """Every imported module with its line, those inside functions included."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno} imports relatively"
            if node.module == "skyreels_a2":
                yield from ((f"skyreels_a2.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield node.module, node.lineno


def public(node):
    return not node.name.startswith("_") or node.name == "__init__"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_down(path):
    part = part_of(path)
    if part == "__init__":
        return
    for module, line in imports(path):
        if not module.startswith("skyreels_a2."):
            continue
        other = module.split(".")[1]
        if other == part or (part, other) in SIDEWAYS:
            continue
        own, theirs = LAYERS.get(part, 0), LAYERS.get(other, 0)
        allowed = theirs < own or own == theirs == 0
        assert allowed, f"{name_of(path)}:{line} ({part}, layer {own}) imports {module}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_vocabulary_media_and_scenes_need_no_torch(path):
    part = part_of(path)
    if part not in WITHOUT_TORCH and LAYERS.get(part, 0) != 0:
        return
    for module, line in imports(path):
        assert module.split(".")[0] not in TORCH, f"{name_of(path)}:{line} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_are_small(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 400, f"{name_of(path)} has {lines} lines"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert length <= 50, f"{name_of(path)}:{node.lineno} {node.name}: {length} lines"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_everything_public_introduces_itself(path):
    tree = tree_of(path)
    assert ast.get_docstring(tree), f"{name_of(path)} has no docstring"
    for holder in ast.walk(tree):
        if not isinstance(holder, ast.Module | ast.ClassDef):
            continue
        if isinstance(holder, ast.ClassDef) and not public(holder):
            continue
        for node in holder.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                known = not public(node) or node.name == "__init__" or ast.get_docstring(node)
                assert known, f"{name_of(path)}:{node.lineno} {node.name} has no docstring"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_names_say_something(path):
    assert path.stem not in EMPTY_NAMES, name_of(path)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nobody_prints_or_replaces_forward(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"{name_of(path)}:{node.lineno} prints"
        if isinstance(node, ast.Assign):
            for target in node.targets:
                replaced = isinstance(target, ast.Attribute) and target.attr == "forward"
                assert not replaced, f"{name_of(path)}:{node.lineno} assigns to forward"


def test_every_part_has_a_layer_and_tests():
    for folder in sorted(path for path in PACKAGE.iterdir() if path.is_dir()):
        if folder.name in {"models", "__pycache__"}:
            continue
        assert folder.name in LAYERS, f"{folder.name} has no layer"
        tests = Path(__file__).parent / folder.name
        assert list(tests.glob("test_*.py")), f"{folder.name} has no tests"
