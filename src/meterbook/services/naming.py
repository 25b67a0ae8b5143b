"""
People by number: the ids of subjects and actors, kept at hand.

Entries hold a number where the source stated a name, so that the name can be erased
and the usage stays. A process that records remembers the numbers of the names it saw;
it forgets them when it learns that somebody was erased, here or elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterbook.foundation.errors import UnknownSubjectError
from meterbook.metering.canonical import text_fault


if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from meterbook.ports import Reader, Writer


# Some 15 MB of names: more than one process records of in a day, less than it has.
PEOPLE_CACHED_MAX = 100_000

# Counts the erasures, so that other processes learn of them.
ERASURES_SETTING = "erasures"


class People:
    """
    The ids of names that this process has seen committed.

    Attributes:
        ids: By name. None has the id None, so that an absent subject needs no branch.
    """

    def __init__(self) -> None:
        self.ids: dict[str | None, int | None] = {None: None}

    def learn(self, ids: Mapping[str, int]) -> None:
        """
        Remember *ids*, which are committed.
        """
        if len(self.ids) + len(ids) > PEOPLE_CACHED_MAX:
            self.forget()
        self.ids.update(ids)

    def forget(self) -> None:
        """
        Forget everybody: a name may mean nobody now, or somebody new.

        The table is replaced, not emptied: another thread may be reading it.
        """
        self.ids = {None: None}

    def missing(self, names: Collection[str | None]) -> set[str]:
        """
        Return those of *names* whose id is not known here.
        """
        ids = self.ids
        return {name for name in names if name is not None and name not in ids}

    def named(
        self, writer: Writer, names: Collection[str | None]
    ) -> tuple[dict[str | None, int | None], dict[str, int]]:
        """
        Return the ids of *names*, giving one to each that has none, and the new ones.

        Those known here are not asked for again. Nothing is remembered yet: the
        transaction of *writer* may roll back.
        """
        known = self.ids
        fresh = writer.name_people(sorted(self.missing(names)))
        ids: dict[str | None, int | None] = {
            name: known[name] for name in names if name in known
        }
        ids.update(fresh)
        return ids, fresh


def named_now(
    writer: Writer, names: Collection[str | None]
) -> dict[str | None, int | None]:
    """
    Return the ids of *names*, giving one to each that has none; None for None.

    For what is seldom and must not name somebody who was erased a moment ago.
    """
    ids: dict[str | None, int | None] = {None: None}
    ids.update(writer.name_people({name for name in names if name is not None}))
    return ids


def person_id_of(reader: Reader, name: str) -> int:
    """
    Return the id of *name*.

    Raises:
        UnknownSubjectError: If the book knows nobody of this name.
    """
    storable = text_fault(name, "name") is None
    person_id = reader.people([name]).get(name) if storable else None
    if person_id is None:
        raise UnknownSubjectError

    return person_id


def shown_name(names: Mapping[int, str], person_id: int | None) -> str | None:
    """
    Return the name of *person_id*, or a pseudonym if it was erased.
    """
    if person_id is None:
        return None

    return names.get(person_id, f"person-{person_id}")


def names_of(reader: Reader, person_ids: Collection[int | None]) -> dict[int, str]:
    """
    Return the names of those *person_ids* that are somebody and were not erased.
    """
    somebody = {person_id for person_id in person_ids if person_id is not None}
    return reader.names(somebody) if somebody else {}
