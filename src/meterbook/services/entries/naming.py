"""
People by number: the ids of subjects and actors, kept at hand.

Entries hold a number where the source stated a name, so that the name can be erased
and the usage stays. A process that records remembers the numbers of the names it saw,
and how many erasures there had been by then. The store appends under those numbers only
if there were no more since; else everybody is forgotten and named anew. So nothing that
is told after an erasure is filed under the number of who was erased.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from meterbook.foundation.errors import UnknownSubjectError
from meterbook.metering.canonical import text_fault
from meterbook.ports import ERASURES_SETTING, NO_ERASURES


if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from meterbook.ports import Reader, Writer


# Some 15 MB of names: more than one process records of in a day, less than it has.
PEOPLE_CACHED_MAX = 100_000


class Named(NamedTuple):
    """
    Ids of people, as of a moment of the book.

    Attributes:
        ids: By name. None has the id None, so that an absent subject needs no branch.

        erasures: How many people had been erased when all of *ids* were there, as the
            book writes it.
    """

    ids: dict[str | None, int | None]
    erasures: str


class People:
    """
    The ids of names that this process has seen committed.

    Attributes:
        named: What is remembered. It is replaced as a whole: another thread may be
            reading it.
    """

    def __init__(self) -> None:
        self.named = Named({None: None}, NO_ERASURES)

    def learn(self, fresh: Named) -> None:
        """
        Remember who is *fresh*, and committed; nobody else if somebody was erased.
        """
        known = self.named
        if (
            known.erasures != fresh.erasures
            or len(known.ids) + len(fresh.ids) > PEOPLE_CACHED_MAX
        ):
            self.named = Named({None: None, **fresh.ids}, fresh.erasures)
        else:
            known.ids.update(fresh.ids)

    def forget(self) -> None:
        """
        Forget everybody: a name may mean nobody now, or somebody new.
        """
        self.named = Named({None: None}, NO_ERASURES)

    def name(
        self, writer: Writer, names: Collection[str | None]
    ) -> tuple[dict[str | None, int | None], Named]:
        """
        Return the ids of *names*, giving one to each that has none, and the fresh ones.

        Those known here are not asked for again, unless somebody was erased. Nothing is
        remembered yet: the transaction of *writer* may roll back.
        """
        # Erasures are counted before anybody is looked up, never after: of a stale
        # count the next append learns, of a stale id it would not.
        erasures = writer.setting(ERASURES_SETTING) or NO_ERASURES
        known = self.named
        anew = Named({None: None}, erasures)
        remembered = (known if known.erasures == erasures else anew).ids
        ids = {name: remembered[name] for name in names if name in remembered}
        missing = sorted({name for name in names if name is not None} - ids.keys())
        fresh: dict[str | None, int | None] = {}
        fresh.update(writer.name_people(missing))
        return ids | fresh, Named(fresh, erasures)


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
