"""asyncpg: everything is prepared, types are asked for in the catalog, a pool resets its sessions."""

import asyncio
import os

import asyncpg


async def refused(run, code):
    try:
        await run
    except asyncpg.PostgresError as error:
        assert error.sqlstate == code, error
        assert error.hint, error
    else:
        raise AssertionError("it ran")


async def main():
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=3) as pool:
        async with pool.acquire() as db:
            row = await db.fetchrow("SELECT name, price, at, tags, data FROM articles WHERE id = $1", 7)
            assert (row["name"], str(row["price"]), row["tags"]) == ("article 7", "10.50", ["a", "b"]), row
            prepared = await db.prepare("SELECT name FROM articles WHERE id = $1")
            for at in range(1, 9):
                assert await prepared.fetchval(at) == f"article {at}"
            await db.execute("INSERT INTO notes (text) VALUES ($1), ($2)", "one", "two")
            async with db.transaction():
                await db.execute("UPDATE notes SET text = 'uno' WHERE text = $1", "one")
                async with db.transaction():
                    await db.execute("INSERT INTO notes (text) VALUES ('three')")
            await db.executemany("INSERT INTO notes (text) VALUES ($1)", [("four",), ("five",)])
            await db.copy_records_to_table("notes", records=[("six",)], columns=["text"])
            async with db.transaction():
                read = [row async for row in db.cursor("SELECT id FROM articles ORDER BY id", prefetch=7)]
                assert len(read) == 100

            await refused(db.execute("DELETE FROM articles WHERE id = $1", 1), "42501")
            await refused(db.execute("SELECT 1; DROP TABLE articles"), "42501")
            await refused(db.prepare("TRUNCATE articles"), "42501")
            many = "INSERT INTO notes (text) SELECT 'many' FROM generate_series(1, $1::int)"
            await refused(db.execute(many, 5000), "53400")

            async def in_a_transaction():
                async with db.transaction():
                    await db.execute(many, 5000)

            await refused(in_a_transaction(), "53400")
        counted = await asyncio.gather(*(pool.fetchval("SELECT count(*) FROM articles WHERE id <= $1", at) for at in range(30)))
        assert counted == list(range(30))
    print("6 notes")


asyncio.run(main())
