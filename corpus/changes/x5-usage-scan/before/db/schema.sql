CREATE TABLE samples (
    id BIGINT AUTO_INCREMENT PRIMARY KEY,
    region VARCHAR(20) NULL,
    customer BIGINT NOT NULL,
    bytes VARCHAR(24) NOT NULL,
    taken_at DATETIME NOT NULL
);

CREATE TABLE monthly_usage (
    region VARCHAR(20) NOT NULL,
    month CHAR(7) NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (region, month)
);
