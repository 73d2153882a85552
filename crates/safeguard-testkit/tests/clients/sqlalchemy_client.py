"""SQLAlchemy's ORM over psycopg, and its reflection of a schema."""

import os

from sqlalchemy import Text, create_engine, delete, exc, func, inspect, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Article(Base):
    __tablename__ = "articles"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(Text)


def refused(run, code):
    try:
        run()
    except exc.DBAPIError as error:
        assert error.orig.sqlstate == code, error
        assert error.orig.diag.message_hint, error
    else:
        raise AssertionError("it ran")


engine = create_engine(os.environ["DATABASE_URL"].replace("postgres://", "postgresql+psycopg://", 1), pool_size=2)
assert set(inspect(engine).get_table_names()) == {"articles", "notes"}
assert [key["name"] for key in inspect(engine).get_columns("notes")] == ["id", "text"]
with Session(engine) as session:
    assert session.get(Article, 7).name == "article 7"
    assert session.scalar(select(func.count()).select_from(Article)) == 100
    session.add_all([Note(text="one"), Note(text="two"), Note(text="three")])
    session.commit()
    first = session.scalars(select(Note).order_by(Note.id)).first()
    first.text = "uno"
    session.commit()


def delete_an_object():
    with Session(engine) as session:
        session.delete(session.get(Article, 1))
        session.commit()


def delete_all():
    with Session(engine) as session:
        session.add(Note(text="never"))
        session.flush()
        session.execute(delete(Article))


def write_too_much():
    with Session(engine) as session:
        session.add_all([Note(text="many") for _ in range(1500)])
        session.commit()


refused(delete_an_object, "42501")
refused(delete_all, "42501")
refused(write_too_much, "53400")
refused(lambda: Base.metadata.drop_all(engine), "42501")
print("3 notes")
