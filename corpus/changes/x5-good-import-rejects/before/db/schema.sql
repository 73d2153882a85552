CREATE TABLE readings (
    meter text NOT NULL,
    read_on date NOT NULL,
    watt_hours bigint NOT NULL,
    PRIMARY KEY (meter, read_on)
);
