ALTER TABLE customers RENAME COLUMN phone TO mobile;
ALTER TABLE customers ADD COLUMN may_be_called boolean NOT NULL DEFAULT false;
