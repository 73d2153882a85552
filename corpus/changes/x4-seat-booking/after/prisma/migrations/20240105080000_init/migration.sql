CREATE TABLE "Show" (
    "id" SERIAL PRIMARY KEY,
    "title" TEXT NOT NULL,
    "rows" INTEGER NOT NULL,
    "columns" INTEGER NOT NULL
);

CREATE TABLE "Booking" (
    "id" SERIAL PRIMARY KEY,
    "showId" INTEGER NOT NULL REFERENCES "Show" ("id"),
    "seat" TEXT NOT NULL,
    "guest" TEXT NOT NULL
);

CREATE UNIQUE INDEX "Booking_showId_seat_key" ON "Booking" ("showId", "seat");
