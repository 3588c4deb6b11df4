"""Names, roles and families of emoji, from the Unicode names and groups and emojilib's keywords."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from skyreels_a2.elements import Role

NOT_SUBJECTS = re.compile(
    r"""foggy|night\ with\ stars|sunrise.*|sunset|cityscape.*|bridge\ at\ night|milky\ way
    |.*o.clock|.*-thirty|national\ park|desert.*|beach\ with.*|camping|wedding|fog|construction
    |eye\ in\ speech\ bubble|ZZZ|anger\ symbol|dizzy|.*bubble|hundred\ points|hole|bust.*
    |middle\ finger|family.*|kiss|kiss\ .*|couple\ with.*|.*,.*|moon\ viewing\ ceremony
    |breast-feeding|sparkles|(speech|thought)\ balloon|hot\ springs|speaking\ head|cyclone
    |performing\ arts|sweat\ droplets|dashing\ away|memo""",
    re.VERBOSE,
)
"""Scenes rather than things, marks, near doubles, and what does not belong among toys."""

SYMBOLS = re.compile(r"heart|letter|kiss mark|collision|heart decoration")
ANIMAL = frozenset({"animal", "insect", "bug", "bird", "birds", "dinosaur", "mammal"})
MORE_ANIMALS = frozenset(
    {
        "black cat",
        "moose",
        "donkey",
        "bison",
        "mammoth",
        "black bird",
        "goose",
        "jellyfish",
        "microbe",
    }
)
NO_ANIMALS = frozenset(
    {
        "pig nose",
        "paw prints",
        "feather",
        "spider web",
        "empty nest",
        "nest with eggs",
        "wing",
    }
)
LIVELY = frozenset(
    {
        "snowman",
        "snowman without snow",
        "sun with face",
        "teddy bear",
        "new moon face",
        "full moon face",
        "first quarter moon face",
        "last quarter moon face",
        "jack-o-lantern",
        "wind face",
    }
)
BODY = re.compile(
    r"\b(hands?|fingers?|thumbs|fist|palms?|ear|nose|mouth|eyes?|tongue|lip|foot|leg|arm|bone"
    r"|tooth|brain|lungs|heart|footprints|biceps|salute|horns|gesture|handshake|polish|selfie"
    r"|kiss|index)\b"
)
PERSON = re.compile(r"^(person|man|woman|men|women|people|deaf|pregnant|old)\b|(woman|man|person)$")
HANDS = re.compile(r"hand|finger|thumb|fist|palm|salute|horns|gesture|index")
GENDER = re.compile(
    r"\b(person|man|woman|men|women|people|boy|girl|child|mx|mrs\.|santa|older|old)\b"
)

RENAMED = {
    "tennis": "tennis racket",
    "badminton": "badminton racket",
    "ping pong": "ping pong bat",
    "cricket game": "cricket bat",
    "ice hockey": "ice hockey stick",
    "field hockey": "field hockey stick",
    "lacrosse": "lacrosse stick",
    "rolling on the floor laughing": "face rolling with laughter",
    "exploding head": "exploding face",
    "star-struck": "star-struck face",
    "sake": "sake bottle",
    "mate": "mate cup",
    "link": "chain link",
    "automobile": "red car",
    "oncoming automobile": "oncoming red car",
    "fish cake with swirl": "fish cake",
    "closed umbrella": "closed umbrella",
    "mouse": "little mouse",
    "high voltage": "lightning bolt",
    "cooked rice": "bowl of rice",
    "curry rice": "plate of curry",
    "spaghetti": "plate of spaghetti",
    "popcorn": "box of popcorn",
    "wood": "log of wood",
    "woman and man holding hands": "couple holding hands",
    "ginger root": "root of ginger",
    "dna": "DNA strand",
    "dvd": "DVD",
}
MASS = frozenset(
    {
        "bacon",
        "bread",
        "butter",
        "salt",
        "ice",
        "garlic",
        "broccoli",
        "sushi",
        "oden",
        "dango",
        "custard",
        "yarn",
        "thread",
        "soap",
        "coral",
        "falafel",
        "canned food",
        "leafy green",
        "green salad",
    }
)
SINGULAR_S = frozenset(
    {
        "rhinoceros",
        "flexed biceps",
        "skull and crossbones",
        "Statue of Liberty",
    }
)


@dataclass(frozen=True, slots=True)
class Naming:
    """What a caption calls an emoji, its role, and its family ("" for one of its own)."""

    name: str
    role: Role
    family: str


def name_emoji(name: str, group: str, keywords: Sequence[str]) -> Naming | None:
    """Name, role and family of an emoji; None when it makes no subject.

    Args:
        name: Its Unicode name without colons, e.g. "man red hair".
        group: Its Unicode group; flags and symbols are left out.
        keywords: emojilib's words for it.
    """
    if group in {"Flags", "Symbols"} or NOT_SUBJECTS.fullmatch(name):
        return None
    return Naming(_spoken(name), _role(name, group, keywords), _family(name, group))


def _role(name: str, group: str, keywords: Sequence[str]) -> Role:
    lively = name in LIVELY
    match group:
        case "Smileys & Emotion":
            lively = not SYMBOLS.search(name) or "face" in name or "cat" in name
        case "People & Body":
            lively = bool(PERSON.search(name)) or not BODY.search(name)
        case "Animals & Nature":
            lively = name in MORE_ANIMALS or (name not in NO_ANIMALS and bool(ANIMAL & {*keywords}))
        case _:
            pass
    return Role.CHARACTER if lively else Role.OBJECT


def _family(name: str, group: str) -> str:
    if group != "People & Body":
        return ""
    if HANDS.search(name) and not PERSON.search(name):
        return "fluent/hands"
    plain = re.sub(r"mermaid|merman|merperson", "merfolk", name.lower())
    words = GENDER.sub("", plain).split()
    return "fluent/" + ("-".join(words) or "person")


def _spoken(name: str) -> str:
    """The name as an English noun that takes "a"."""
    name = RENAMED.get(name, name).replace("\u2019", "'")
    name = re.sub(r"^(.*) (red|curly|white|blond) hair$", r"\1 with \2 hair", name)
    name = re.sub(r"^(man|woman|person) (bald)$", r"bald \1", name)
    name = re.sub(r"^(man|woman|person) beard$", r"bearded \1", name)
    if re.match(r"(people|men|women) ", name):
        return f"group of {name}"
    if name in MASS:
        return f"piece of {name}"
    head = re.split(r" with | of | in | showing | holding ", name)[0]
    plural = head.endswith("s") and not head.endswith(("ss", "us"))
    singular = name in SINGULAR_S or PERSON.search(name)
    return f"set of {name}" if plural and not singular else name
