-- When the calendar of a track ends, as identity was last told. Retention: with the edition.
CREATE TABLE track_end_told (
  track_id uuid   NOT NULL PRIMARY KEY REFERENCES track (id) ON DELETE CASCADE,
  ends_at  bigint NOT NULL
);
