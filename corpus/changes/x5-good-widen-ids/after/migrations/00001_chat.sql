-- +goose Up
CREATE TABLE messages (
    id serial PRIMARY KEY,
    room text NOT NULL,
    body text NOT NULL,
    sent_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE reactions (
    message_id integer NOT NULL REFERENCES messages (id),
    member text NOT NULL,
    emoji text NOT NULL,
    PRIMARY KEY (message_id, member, emoji)
);

-- +goose Down
DROP TABLE reactions;
DROP TABLE messages;
