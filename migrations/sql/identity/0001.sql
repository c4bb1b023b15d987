-- The schools of the country's register. `words` is what a search looks in: name and municipality, folded.
CREATE TABLE school (
  id             uuid    NOT NULL PRIMARY KEY,
  code           text    NOT NULL UNIQUE,
  institute_code text    NOT NULL,
  name           text    NOT NULL,
  institute_name text    NOT NULL,
  level          text    NOT NULL,
  kind           text    NOT NULL,
  municipality   text    NOT NULL,
  municipality_code text NOT NULL,
  territory      text    NOT NULL,
  address        text    NOT NULL,
  email          text    NOT NULL,
  words          text    NOT NULL,
  is_open        boolean NOT NULL
);
CREATE INDEX school_territory ON school (territory);

-- People, and the shared accounts of teams. An account exists from when its address was verified. `surname_folded` is
-- what a search compares. Personal data of adults: purpose, the programme; retention, the tenant's.
CREATE TABLE account (
  id             uuid    NOT NULL PRIMARY KEY,
  version        bigint  NOT NULL,
  login          text    NOT NULL UNIQUE,
  kind           text    NOT NULL CHECK (kind IN ('coordinator', 'teacher', 'team')),
  given_name     text    NOT NULL,
  surname        text    NOT NULL,
  surname_folded text    NOT NULL,
  subject_area   text    NOT NULL,
  locale         text    NOT NULL,
  school_id      uuid    REFERENCES school (id),
  team_id        uuid    UNIQUE,
  password       text,
  created_at     bigint  NOT NULL,
  CHECK ((kind = 'team') = (team_id IS NOT NULL))
);
CREATE INDEX account_surname ON account (surname_folded, school_id);

-- Registrations whose address is not verified yet. One address can have several: nobody knows yet which of them is its
-- owner's. The code that is mailed is derived from the id with a key of the installation; nothing here gives it away.
CREATE TABLE registration (
  id            uuid   NOT NULL PRIMARY KEY,
  login         text   NOT NULL,
  password      text   NOT NULL,
  given_name    text   NOT NULL,
  surname       text   NOT NULL,
  subject_area  text   NOT NULL,
  locale        text   NOT NULL,
  registered_at bigint NOT NULL,
  expires_at    bigint NOT NULL
);
CREATE INDEX registration_login ON registration (login);
CREATE INDEX registration_registered ON registration (registered_at);

-- Signed-in sessions; a family of refresh tokens each. No token is kept: one is derived from session and generation.
CREATE TABLE session (
  id         uuid    NOT NULL PRIMARY KEY,
  version    bigint  NOT NULL,
  account_id uuid    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  generation integer NOT NULL,
  created_at bigint  NOT NULL,
  expires_at bigint  NOT NULL,
  ended_at   bigint
);
CREATE INDEX session_account ON session (account_id);

-- Applications. `submitted_at` stands also in `facts`; here a query finds it.
CREATE TABLE application (
  id               uuid    NOT NULL PRIMARY KEY,
  version          bigint  NOT NULL,
  edition_id       uuid    NOT NULL,
  track_id         uuid    NOT NULL,
  referent_id      uuid    NOT NULL REFERENCES account (id),
  school_id        uuid    REFERENCES school (id),
  team_name        text    NOT NULL,
  team_type        text,
  classes          text    NOT NULL,
  team_size        integer NOT NULL,
  motivation       text    NOT NULL,
  integration_mode text,
  file_ids         text    NOT NULL,
  state            text    NOT NULL,
  facts            text    NOT NULL,
  submitted_at     bigint,
  created_at       bigint  NOT NULL
);
CREATE INDEX application_edition ON application (edition_id, state);
CREATE INDEX application_referent ON application (referent_id, edition_id);

-- Teams. `is_interreg` is what its track is: asked before every call of a visitor, so it stands here and not only in lessons.
CREATE TABLE team (
  id             uuid    NOT NULL PRIMARY KEY,
  version        bigint  NOT NULL,
  code           text    NOT NULL UNIQUE,
  name           text    NOT NULL,
  application_id uuid    NOT NULL UNIQUE REFERENCES application (id),
  edition_id     uuid    NOT NULL,
  track_id       uuid    NOT NULL,
  is_interreg    boolean NOT NULL,
  school_id      uuid    NOT NULL REFERENCES school (id),
  school_code    text    NOT NULL,
  school_name    text    NOT NULL,
  territory      text    NOT NULL,
  team_type      text    NOT NULL,
  size           integer NOT NULL,
  referent_id    uuid    NOT NULL REFERENCES account (id),
  email          text    NOT NULL,
  logo_file_id   uuid,
  admitted_at    bigint  NOT NULL,
  reservation    text,
  activated_at   bigint
);
CREATE INDEX team_edition ON team (edition_id, track_id, code);
CREATE INDEX team_referent ON team (referent_id);

CREATE TABLE team_support (
  team_id    uuid   NOT NULL REFERENCES team (id) ON DELETE CASCADE,
  account_id uuid   NOT NULL REFERENCES account (id),
  added_at   bigint NOT NULL,
  PRIMARY KEY (team_id, account_id)
);
CREATE INDEX team_support_account ON team_support (account_id);

-- Who gave a team to whom, and why. The reason may say something of a person: so it stands here, where it can be erased, and the
-- audit log, where nothing can, holds the id alone.
CREATE TABLE team_handover (
  id             uuid   NOT NULL PRIMARY KEY,
  team_id        uuid   NOT NULL REFERENCES team (id) ON DELETE CASCADE,
  from_id        uuid   NOT NULL REFERENCES account (id),
  to_id          uuid   NOT NULL REFERENCES account (id),
  reason         text   NOT NULL,
  handed_over_at bigint NOT NULL
);
CREATE INDEX team_handover_team ON team_handover (team_id);

-- From which track to which a team was moved, and why. The reason stands here for the same cause.
CREATE TABLE team_move (
  id       uuid   NOT NULL PRIMARY KEY,
  team_id  uuid   NOT NULL REFERENCES team (id) ON DELETE CASCADE,
  from_id  uuid   NOT NULL,
  to_id    uuid   NOT NULL,
  reason   text   NOT NULL,
  moved_at bigint NOT NULL
);
CREATE INDEX team_move_team ON team_move (team_id);

-- Provisional credentials: single use. The credential is derived from the id with a key of the installation.
CREATE TABLE credential (
  id         uuid   NOT NULL PRIMARY KEY,
  team_id    uuid   NOT NULL REFERENCES team (id) ON DELETE CASCADE,
  hash       bytea  NOT NULL,
  issued_at  bigint NOT NULL,
  expires_at bigint NOT NULL,
  ended_at   bigint,
  ended_by   text CHECK (ended_by IN ('redeemed', 'replaced')),
  CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX credential_living ON credential (team_id) WHERE ended_at IS NULL;

-- Uploaded files; their bytes are found by the digest.
CREATE TABLE file (
  id         uuid   NOT NULL PRIMARY KEY,
  owner_id   uuid   NOT NULL REFERENCES account (id),
  purpose    text   NOT NULL,
  name       text   NOT NULL,
  media_type text   NOT NULL,
  size_bytes bigint NOT NULL,
  digest     text   NOT NULL,
  created_at bigint NOT NULL
);
CREATE INDEX file_owner ON file (owner_id);

-- In a programme: what it knows of the classes of its countries, and all it may. Each was written by an exchange of tokens.
CREATE TABLE membership (
  team_id       uuid   NOT NULL PRIMARY KEY,
  home          text   NOT NULL,
  alias         text   NOT NULL,
  school_name   text   NOT NULL,
  territory     text   NOT NULL,
  first_seen_at bigint NOT NULL,
  last_seen_at  bigint NOT NULL
);

-- In a country: the tokens of programmes that were given, counted by day. Who of the persons it was stands in the audit log alone.
CREATE TABLE crossing (
  id        uuid    NOT NULL PRIMARY KEY,
  day       text    NOT NULL,
  programme text    NOT NULL,
  role      text    NOT NULL,
  team_id   uuid    REFERENCES team (id) ON DELETE CASCADE,
  team_code text    NOT NULL,
  count     integer NOT NULL,
  first_at  bigint  NOT NULL,
  last_at   bigint  NOT NULL
);
CREATE UNIQUE INDEX crossing_of_day ON crossing (day, programme, role, team_code);
