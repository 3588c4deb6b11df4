"""English in small: articles and verb forms, for names and captions."""

from __future__ import annotations

DOUBLED = frozenset({"run", "hop", "spin", "drop", "sit", "skip"})
"""Verbs whose last letter doubles before "-ing"."""


def article(noun: str) -> str:
    """The indefinite article that the noun takes, by its first letters."""
    word = noun.lower()
    if word.startswith(("uni", "use", "eu", "one", "ufo")):
        return "a"
    if word.startswith("x-"):
        return "an"
    return "an" if word[:1] in {"a", "e", "i", "o", "u"} else "a"


def with_article(noun: str) -> str:
    """The noun with "a" or "an" in front."""
    return f"{article(noun)} {noun}"


def third_person(phrase: str) -> str:
    """The form for he, she and it: "walk to the left" becomes "walks to the left"."""
    verb, _, rest = phrase.partition(" ")
    if verb.endswith("y") and verb[-2] not in "aeiou":
        verb = verb[:-1] + "ies"
    else:
        verb += "es" if verb.endswith(("s", "sh", "ch", "x", "o")) else "s"
    return f"{verb} {rest}".strip()


def gerund(phrase: str) -> str:
    """The form with -ing: "walk to the left" becomes "walking to the left"."""
    verb, _, rest = phrase.partition(" ")
    if verb in DOUBLED:
        verb += verb[-1]
    elif verb == "lie":
        verb = "ly"
    elif verb.endswith("e") and not verb.endswith("ee"):
        verb = verb[:-1]
    return f"{verb}ing {rest}".strip()
