ALTER TABLE "Booking" ADD COLUMN "groupId" TEXT;
UPDATE "Booking" SET "groupId" = gen_random_uuid()::text;
ALTER TABLE "Booking" ALTER COLUMN "groupId" SET NOT NULL;

DROP INDEX "Booking_showId_seat_key";
CREATE INDEX "Booking_showId_seat_idx" ON "Booking" ("showId", "seat");
CREATE INDEX "Booking_groupId_idx" ON "Booking" ("groupId");
