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
"""Layer of each part that is not vocabulary."""
VOCABULARY = {
    *("elements", "errors", "extras", "mentions", "packages"),
    *("request", "settings", "triplet", "video"),
}
"""Layer 0."""
SIDEWAYS = {("scenes", "media")}
"""Imports between parts of one layer that are meant."""
TORCH = {"torch", "diffusers", "transformers", "accelerate", "peft", "safetensors"}
WITHOUT_TORCH = ("media", "scenes")
EMPTY_NAMES = {"utils", "util", "helpers", "common", "misc"}


def name_of(path):
    return path.relative_to(PACKAGE.parents[1]).as_posix()


def lazy_names():
    """Public names of the package and the modules that they come from."""
    for node in tree_of(PACKAGE / "__init__.py").body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_HOME":
            return ast.literal_eval(node.value)
    raise AssertionError("skyreels_a2/__init__.py has no table _HOME")


def part_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(tree):
    """Every imported module with its line: inside functions, lazy names and by string too."""
    home = lazy_names()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "skyreels_a2":
            for alias in node.names:
                yield f"skyreels_a2.{home.get(alias.name, alias.name)}", node.lineno
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), node.lineno
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "skyreels_a2":
            if node.attr in home:
                yield f"skyreels_a2.{home[node.attr]}", node.lineno
        elif isinstance(node, ast.Call) and node.args:
            name, first = ast.unparse(node.func).split(".")[-1], node.args[0]
            by_string = name in {"import_module", "__import__", "require"}
            if by_string and isinstance(first, ast.Constant):
                yield first.value, node.lineno


def layer_of(part):
    return 0 if part in VOCABULARY else LAYERS.get(part)


def points_down(part, module):
    """Whether a part may import a module."""
    package, _, rest = module.partition(".")
    other = rest.split(".")[0]
    if package != "skyreels_a2" or not rest or other == part or (part, other) in SIDEWAYS:
        return True
    own, theirs = layer_of(part), layer_of(other)
    return theirs is None or theirs < own or own == theirs == 0


def replaces_forward(node):
    """Whether a statement puts something else in the place of `forward`."""
    if isinstance(node, ast.Attribute):
        return node.attr == "forward" and isinstance(node.ctx, ast.Store | ast.Del)
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {
        "setattr",
        "__setattr__",
    }:
        return any(isinstance(arg, ast.Constant) and arg.value == "forward" for arg in node.args)
    return False


def public(node):
    return not node.name.startswith("_")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_down(path):
    part = part_of(path)
    if part == "__init__":
        return
    for module, line in imports(tree_of(path)):
        told = f"{name_of(path)}:{line} ({part}, layer {layer_of(part)}) imports {module}"
        assert not module.startswith("."), f"{told}: write it from skyreels_a2 on"
        assert points_down(part, module), f"{told}: imports point down, and no sibling's"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_vocabulary_media_and_scenes_need_no_torch(path):
    part = part_of(path)
    if part not in WITHOUT_TORCH and part not in VOCABULARY | {"__init__"}:
        return
    for module, line in imports(tree_of(path)):
        if part == "__init__" and module.startswith("skyreels_a2."):
            continue
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
                known = not public(node) or ast.get_docstring(node)
                assert known, f"{name_of(path)}:{node.lineno} {node.name} has no docstring"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_names_say_something(path):
    empty = EMPTY_NAMES & set(path.relative_to(PACKAGE).with_suffix("").parts)
    assert not empty, f"{name_of(path)}: {empty} says nothing of what is in it"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nobody_prints_or_replaces_forward(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"{name_of(path)}:{node.lineno} prints"
        assert not replaces_forward(node), f"{name_of(path)}:{node.lineno} assigns to forward"


@pytest.mark.parametrize("part", sorted({part_of(path) for path in FILES} - {"__init__"}))
def test_every_part_has_a_layer_and_tests(part):
    assert layer_of(part) is not None, f"{part} has no layer: say in LAYERS where it belongs"
    modules = [path for path in (PACKAGE / part).rglob("*.py") if path.stem != "__init__"]
    tests = Path(__file__).parent / part
    assert not modules or list(tests.glob("test_*.py")), f"{part} has no tests in tests/{part}"


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("media", "from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline"),
        ("media", "def late():\n    import skyreels_a2.runtime.seeds"),
        ("media", "from skyreels_a2 import scenes"),
        ("elements", "if TYPE_CHECKING:\n    from skyreels_a2.media import images"),
        ("bench", "import skyreels_a2.pipeline.a2 as a2"),
        ("conditioning", "from skyreels_a2 import SkyReelsA2Pipeline"),
        ("conditioning", "import skyreels_a2\nskyreels_a2.SkyReelsA2Pipeline()"),
        ("runtime", "importlib.import_module('skyreels_a2.cli.main')"),
        ("serving", "from skyreels_a2.training import loop"),
    ],
)
def test_every_way_of_importing_upwards_is_noticed(part, code):
    assert not all(points_down(part, module) for module, _ in imports(ast.parse(code)))


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("scenes", "from skyreels_a2.media.images import open_picture"),
        ("video", "from skyreels_a2.errors import SpecError"),
        ("bench", "from skyreels_a2 import Composer"),
        ("cli", "import skyreels_a2\nskyreels_a2.__version__"),
        ("media", "import numpy"),
    ],
)
def test_imports_downwards_are_allowed(part, code):
    assert all(points_down(part, module) for module, _ in imports(ast.parse(code)))


@pytest.mark.parametrize(
    ("code", "replaced"),
    [
        ("block.forward = other", True),
        ("block.forward, kept = other, block.forward", True),
        ("setattr(block, 'forward', other)", True),
        ("result = block.forward(x)", False),
    ],
)
def test_every_way_of_replacing_forward_is_noticed(code, replaced):
    assert any(map(replaces_forward, ast.walk(ast.parse(code)))) is replaced
