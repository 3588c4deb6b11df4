"""Saved elements: uploaded once with one or several views, used by name in any prompt."""

from __future__ import annotations

import time
from dataclasses import asdict

from skyreels_a2.errors import CompositionError
from skyreels_a2.serving.database import Database
from skyreels_a2.serving.jobs import SavedElement


class ElementStore:
    """Saved elements in a database; their pictures are in the data folder."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, element: SavedElement, *, limit: int) -> SavedElement:
        """Save an element.

        Raises:
            CompositionError: The owner has one of that name, or as many as allowed.
            StorageError: It could not be written.
        """
        saved = SavedElement(**{**asdict(element), "created": time.time()})
        with self._database.writing() as run:
            names = [
                row["name"]
                for row in run("SELECT name FROM elements WHERE owner = :o", o=element.owner)
            ]
            if element.name in names:
                raise CompositionError(
                    f"an element @{element.name} is saved already: delete it first, or choose "
                    "another name"
                )
            if len(names) >= limit:
                raise CompositionError(f"{limit} elements are saved, no more may be: delete some")
            run(
                "INSERT INTO elements (id, owner, name, role, description, pictures, created) "
                "VALUES (:id, :owner, :name, :role, :description, :pictures, :created)",
                **asdict(saved),
            )
        return saved

    def get(self, element_id: str, *, owner: str) -> SavedElement | None:
        """An element of an owner."""
        with self._database.reading() as run:
            rows = run(
                "SELECT * FROM elements WHERE id = :id AND owner = :owner",
                id=element_id,
                owner=owner,
            )
        return SavedElement(**rows[0]) if rows else None

    def all(self, owner: str) -> list[SavedElement]:
        """All elements of an owner by name."""
        with self._database.reading() as run:
            rows = run("SELECT * FROM elements WHERE owner = :owner ORDER BY name", owner=owner)
        return [SavedElement(**row) for row in rows]

    def remove(self, element_id: str, *, owner: str) -> bool:
        """Forget an element; whether there was one."""
        with self._database.writing() as run:
            return bool(
                run(
                    "DELETE FROM elements WHERE id = :id AND owner = :owner RETURNING id",
                    id=element_id,
                    owner=owner,
                )
            )

    def ids(self) -> set[str]:
        """All elements there are."""
        with self._database.reading() as run:
            return {row["id"] for row in run("SELECT id FROM elements")}
