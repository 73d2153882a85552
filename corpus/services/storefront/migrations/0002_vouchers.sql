CREATE TABLE vouchers (
    code TEXT PRIMARY KEY,
    percent INTEGER NOT NULL CHECK (percent BETWEEN 1 AND 100),
    uses_left INTEGER NOT NULL
);

ALTER TABLE orders ADD COLUMN voucher_code TEXT REFERENCES vouchers (code);
