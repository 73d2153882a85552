from sqlalchemy import BigInteger, CheckConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "accounts"
    __table_args__ = (CheckConstraint("balance_cents >= 0"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    balance_cents: Mapped[int] = mapped_column(BigInteger, default=0)
