CREATE TABLE readings (
    meter text NOT NULL,
    read_on date NOT NULL,
    watt_hours bigint NOT NULL,
    PRIMARY KEY (meter, read_on)
);

CREATE TABLE rejects (
    file text NOT NULL,
    line integer NOT NULL,
    content text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (file, line)
);
