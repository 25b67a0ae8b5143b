"""
Members of a team as objects of SQLAlchemy, and the seats that they take.

::

    python examples/with_sqlalchemy.py application.db
    python examples/with_sqlalchemy.py postgresql://user@host/database
"""

from __future__ import annotations

import contextlib
import sys

from sqlalchemy import create_engine, delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from meterbook import Book


METERS = {
    "seats": {"event_type": "seat.change", "aggregation": "members"},
    "level": {"event_type": "seat.level", "aggregation": "peak", "value": "units"},
}


class Base(DeclarativeBase):
    """
    What the application keeps.
    """


class Member(Base):
    """
    Somebody in a team.
    """

    __tablename__ = "members"
    team: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)


def add(session: Session, book: Book, name: str) -> None:
    """
    Add a member: object and seat are committed together, or neither is.
    """
    with session.begin(), book.within(session, actor="ops") as within:
        session.add(Member(team="acme", name=name))
        within.join("seats", customer="acme", member=name)
        within.count("level", customer="acme", sql="SELECT count(*) FROM members")


def remove(session: Session, book: Book, name: str) -> None:
    """
    Remove a member, likewise.
    """
    with session.begin(), book.within(session, actor="ann") as within:
        session.execute(delete(Member).where(Member.name == name))
        within.leave("seats", customer="acme", member=name)
        within.count("level", customer="acme", sql="SELECT count(*) FROM members")


def main(target: str) -> None:
    """
    Make an application and its book, and let members come and go.
    """
    in_postgres = target.startswith("postgresql://")
    address = target.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(address if in_postgres else f"sqlite:///{target}")
    with Book.create(target) as book, Session(engine) as session:
        book.define(METERS)
        Base.metadata.create_all(engine)
        for name in ("ann", "bob", "eve"):
            add(session, book, name)
        with contextlib.suppress(IntegrityError):
            add(session, book, "ann")
        remove(session, book, "bob")

        book.work()
        for meter in METERS:
            reading = book.read(
                meter, customer="acme", start="2020-01-01", end="2100-01-01"
            )
            print(f"{meter}: {reading.last_units} now, {reading.units} at the peak")
    engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
