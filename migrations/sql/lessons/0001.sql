-- Editions, made from a template of the tenant's file.
CREATE TABLE edition (
  id             uuid   NOT NULL PRIMARY KEY,
  version        bigint NOT NULL,
  code           text   NOT NULL UNIQUE,
  label          text   NOT NULL,
  template       text   NOT NULL,
  state          text   NOT NULL CHECK (state IN ('draft', 'open')),
  call_opens_at  bigint NOT NULL,
  call_closes_at bigint NOT NULL,
  created_at     bigint NOT NULL
);

-- Tracks. `rules` is the track as the template has it: levels, limits, lessons, roles.
CREATE TABLE track (
  id         uuid    NOT NULL PRIMARY KEY,
  edition_id uuid    NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
  position   integer NOT NULL,
  code       text    NOT NULL,
  rules      text    NOT NULL,
  UNIQUE (edition_id, code)
);

-- Forms by lesson and version. A report keeps the version it was begun with.
CREATE TABLE form (
  track_id uuid    NOT NULL REFERENCES track (id) ON DELETE CASCADE,
  lesson   integer NOT NULL,
  version  integer NOT NULL,
  fields   text    NOT NULL,
  PRIMARY KEY (track_id, lesson, version)
);

-- Calendar items: every version stays; the newest one holds.
CREATE TABLE calendar_item (
  id         uuid    NOT NULL,
  version    integer NOT NULL,
  track_id   uuid    NOT NULL REFERENCES track (id) ON DELETE CASCADE,
  kind       text    NOT NULL,
  title      text    NOT NULL,
  lesson     integer,
  starts_at  bigint  NOT NULL,
  ends_at    bigint,
  reason     text    NOT NULL,
  revised_at bigint  NOT NULL,
  is_current boolean NOT NULL,
  PRIMARY KEY (id, version)
);
CREATE UNIQUE INDEX calendar_item_current ON calendar_item (id) WHERE is_current;
CREATE INDEX calendar_item_track ON calendar_item (track_id, lesson);

-- More time for one team and lesson; the newest one holds.
CREATE TABLE extension (
  id          uuid    NOT NULL PRIMARY KEY,
  team_id     uuid    NOT NULL,
  track_id    uuid    NOT NULL REFERENCES track (id) ON DELETE CASCADE,
  lesson      integer NOT NULL,
  deadline_at bigint  NOT NULL,
  reason      text    NOT NULL,
  granted_at  bigint  NOT NULL
);
CREATE INDEX extension_team ON extension (team_id, lesson, granted_at);
CREATE INDEX extension_track ON extension (track_id, lesson);

-- Reports, in a programme those of each pair apart: `pair_id` is nil in a country. From `received_at` on it is the verdict on the first submission, which is never made worse; `digest` is of the last.
CREATE TABLE report (
  team_id      uuid    NOT NULL,
  pair_id      uuid    NOT NULL,
  lesson       integer NOT NULL,
  version      bigint  NOT NULL,
  edition_id   uuid    NOT NULL,
  track_id     uuid    NOT NULL REFERENCES track (id) ON DELETE CASCADE,
  form_version integer NOT NULL,
  state        text    NOT NULL CHECK (state IN ('draft', 'submitted', 'reopened')),
  contents     text    NOT NULL,
  saved_as     text    NOT NULL,
  saved_at     bigint  NOT NULL,
  digest       text,
  received_at  bigint,
  deadline_at  bigint,
  rule_version integer,
  extension_id uuid    REFERENCES extension (id),
  on_time      boolean,
  PRIMARY KEY (team_id, pair_id, lesson),
  CHECK ((state = 'draft') = (received_at IS NULL)),
  CHECK ((received_at IS NULL) = (on_time IS NULL))
);
CREATE INDEX report_track ON report (track_id, lesson);

-- What was submitted, each time, as it was: what a jury sees is found here by its digest.
CREATE TABLE submission (
  id           uuid    NOT NULL PRIMARY KEY,
  team_id      uuid    NOT NULL,
  pair_id      uuid    NOT NULL,
  lesson       integer NOT NULL,
  form_version integer NOT NULL,
  contents     text    NOT NULL,
  digest       text    NOT NULL,
  received_at  bigint  NOT NULL
);
CREATE INDEX submission_report ON submission (team_id, pair_id, lesson, received_at);

-- Why a report was given back. The reason may say something of a person: so it stands here, where it can be erased, and the audit
-- log, where nothing can, holds the id alone.
CREATE TABLE reopening (
  id          uuid    NOT NULL PRIMARY KEY,
  team_id     uuid    NOT NULL,
  pair_id     uuid    NOT NULL,
  lesson      integer NOT NULL,
  reason      text    NOT NULL,
  reopened_at bigint  NOT NULL
);
CREATE INDEX reopening_report ON reopening (team_id, pair_id, lesson);

-- Uploaded files; their bytes are found by the digest.
CREATE TABLE file (
  id         uuid    NOT NULL PRIMARY KEY,
  team_id    uuid    NOT NULL,
  pair_id    uuid    NOT NULL,
  lesson     integer NOT NULL,
  field      text    NOT NULL,
  name       text    NOT NULL,
  media_type text    NOT NULL,
  size_bytes bigint  NOT NULL,
  digest     text    NOT NULL,
  created_at bigint  NOT NULL
);
CREATE INDEX file_team ON file (team_id, pair_id);
CREATE INDEX file_digest ON file (digest);

-- What teams of a country delivered in twinning programmes, as it came home. No row is ever taken back.
CREATE TABLE credit (
  programme   text    NOT NULL,
  team_id     uuid    NOT NULL,
  lesson      integer NOT NULL,
  kind        text    NOT NULL,
  received_at bigint  NOT NULL,
  on_time     boolean NOT NULL,
  digest      text    NOT NULL,
  PRIMARY KEY (team_id, lesson, programme, kind)
);

-- Which teams of a country are bound to a twin, each in one pair of one programme (I13). A programme knows its own pairs alone, so this is
-- kept at home, where all of them ask.
CREATE TABLE engagement (
  team_id   uuid   NOT NULL PRIMARY KEY,
  programme text   NOT NULL,
  pair_id   uuid   NOT NULL,
  since     bigint NOT NULL
);

-- What follows is used in twinning programmes.

-- Classes that look for a twin. Of a class only what crossed the border is here.
CREATE TABLE offer (
  id              uuid    NOT NULL PRIMARY KEY,
  version         bigint  NOT NULL,
  track_id        uuid    NOT NULL REFERENCES track (id),
  home            text    NOT NULL,
  team_id         uuid    NOT NULL,
  team_name       text    NOT NULL,
  school_name     text    NOT NULL,
  territory       text    NOT NULL,
  languages       text    NOT NULL,
  themes          text    NOT NULL,
  class_size      integer NOT NULL,
  available_from  text    NOT NULL,
  available_until text    NOT NULL,
  project_ids     text    NOT NULL,
  note            text    NOT NULL,
  state           text    NOT NULL CHECK (state IN ('open', 'paired', 'withdrawn')),
  lost_pair_id    uuid,
  published_at    bigint  NOT NULL
);
CREATE UNIQUE INDEX offer_team ON offer (track_id, team_id) WHERE state <> 'withdrawn';
CREATE INDEX offer_state ON offer (state, id);

-- Interreg projects. `contents` is the project as its source has it; the columns beside it are for finding: `acronym` and `words`
-- are folded.
CREATE TABLE project (
  id          uuid   NOT NULL PRIMARY KEY,
  keep_number text   NOT NULL UNIQUE,
  acronym     text   NOT NULL,
  words       text   NOT NULL,
  contents    text   NOT NULL,
  imported_at bigint NOT NULL
);
CREATE INDEX project_acronym ON project (acronym, id);

-- Where the partners of a project are.
CREATE TABLE project_place (
  project_id uuid NOT NULL REFERENCES project (id) ON DELETE CASCADE,
  country    text NOT NULL,
  territory  text NOT NULL,
  PRIMARY KEY (project_id, country, territory)
);
CREATE INDEX project_place_territory ON project_place (territory, project_id);

-- Pairs. `matched` is why the matcher brought the classes together; `project` is the project as it was on the day of `project_at`.
CREATE TABLE pair (
  id               uuid   NOT NULL PRIMARY KEY,
  version          bigint NOT NULL,
  track_id         uuid   NOT NULL REFERENCES track (id),
  proposed_by      text   NOT NULL,
  matched          text   NOT NULL,
  state            text   NOT NULL,
  state_since      bigint NOT NULL,
  reason           text   NOT NULL,
  project          text   NOT NULL,
  project_at       bigint,
  suspended_by     text   NOT NULL,
  delivered_at     bigint,
  previous_pair_id uuid   REFERENCES pair (id),
  created_at       bigint NOT NULL
);
CREATE INDEX pair_state ON pair (state, id);
CREATE INDEX pair_track ON pair (track_id, id);
CREATE INDEX pair_track_state ON pair (track_id, state, id);

-- The two classes of a pair. A class is engaged from both acceptances to the end: once at a time (I13).
CREATE TABLE pair_side (
  pair_id     uuid    NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
  position    integer NOT NULL,
  home        text    NOT NULL,
  team_id     uuid    NOT NULL,
  team_name   text    NOT NULL,
  school_name text    NOT NULL,
  territory   text    NOT NULL,
  offer_id    uuid    NOT NULL,
  accepted_at bigint,
  approved_at bigint,
  partner     text    NOT NULL,
  agreed_at   bigint,
  delivered_at bigint,
  has_signed  boolean NOT NULL,
  left_at     bigint,
  is_engaged  boolean NOT NULL,
  PRIMARY KEY (pair_id, position)
);
CREATE UNIQUE INDEX pair_side_engaged ON pair_side (team_id) WHERE is_engaged;
CREATE INDEX pair_side_team ON pair_side (team_id, pair_id);
CREATE INDEX pair_side_home ON pair_side (home, pair_id);

-- Who was reminded that a pair waits for them, since when it did, and how often so far. An empty home is the secretariat.
CREATE TABLE reminder (
  pair_id uuid    NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
  home    text    NOT NULL,
  since   bigint  NOT NULL,
  step    integer NOT NULL,
  sent_at bigint  NOT NULL,
  PRIMARY KEY (pair_id, home, since, step)
);

-- What of a class was seen from another country: once a day for each country, role and kind of thing.
CREATE TABLE sighting (
  id          uuid   NOT NULL PRIMARY KEY,
  team_id     uuid   NOT NULL,
  home        text   NOT NULL,
  kind        text   NOT NULL,
  viewer_home text   NOT NULL,
  viewer_role text   NOT NULL,
  day         text   NOT NULL,
  seen_at     bigint NOT NULL
);
CREATE UNIQUE INDEX sighting_once ON sighting (team_id, kind, viewer_home, viewer_role, day);
CREATE INDEX sighting_home ON sighting (home, id);

-- Joint outputs. From `received_at` on one is delivered, and never changes again.
CREATE TABLE output (
  pair_id      uuid    NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
  lesson       integer NOT NULL,
  version      bigint  NOT NULL,
  contents     text    NOT NULL,
  saved_at     bigint  NOT NULL,
  digest       text,
  received_at  bigint,
  deadline_at  bigint,
  rule_version integer,
  extension_id uuid    REFERENCES extension (id),
  on_time      boolean,
  is_single    boolean NOT NULL,
  PRIMARY KEY (pair_id, lesson),
  CHECK ((received_at IS NULL) = (on_time IS NULL))
);

-- Who has signed a joint output, and what: a digest of its contents.
CREATE TABLE output_signature (
  pair_id   uuid    NOT NULL,
  lesson    integer NOT NULL,
  team_id   uuid    NOT NULL,
  digest    text    NOT NULL,
  signed_at bigint  NOT NULL,
  PRIMARY KEY (pair_id, lesson, team_id),
  FOREIGN KEY (pair_id, lesson) REFERENCES output (pair_id, lesson) ON DELETE CASCADE
);

-- Timelines: the deadlines of a pair. Every version stays; the newest one holds. `moved_across` is what a deadline was moved across.
CREATE TABLE timeline (
  pair_id      uuid    NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
  version      integer NOT NULL,
  lesson       integer NOT NULL,
  deadline_at  bigint  NOT NULL,
  planned_at   bigint  NOT NULL,
  rule_version integer NOT NULL,
  moved_across text    NOT NULL,
  reason       text    NOT NULL,
  made_at      bigint  NOT NULL,
  PRIMARY KEY (pair_id, version, lesson)
);

-- The conversation of a pair. `own_mark` is whether the side that wrote keeps a message back, `twin_mark` whether the other does;
-- from `released_at` on it has been read by others.
CREATE TABLE message (
  id          uuid    NOT NULL PRIMARY KEY,
  version     bigint  NOT NULL,
  pair_id     uuid    NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
  home        text    NOT NULL,
  team_id     uuid    NOT NULL,
  by_teacher  boolean NOT NULL,
  acting_role text    NOT NULL,
  language    text    NOT NULL,
  text        text    NOT NULL,
  own_mark    text    NOT NULL CHECK (own_mark IN ('free', 'held', 'hidden')),
  twin_mark   text    NOT NULL CHECK (twin_mark IN ('free', 'held', 'hidden')),
  is_removed  boolean NOT NULL,
  released_at bigint,
  posted_at   bigint  NOT NULL
);
CREATE INDEX message_pair ON message (pair_id, id);

-- Statements of a class that all of its school who are pictured in a file have agreed to one way of showing it. The newest one counts.
CREATE TABLE consent (
  id            uuid   NOT NULL PRIMARY KEY,
  pair_id       uuid   NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
  home          text   NOT NULL,
  team_id       uuid   NOT NULL,
  file_id       uuid   NOT NULL,
  channel       text   NOT NULL,
  expires_on    text   NOT NULL,
  registered_at bigint NOT NULL,
  withdrawn_at  bigint
);
CREATE INDEX consent_file ON consent (pair_id, file_id, channel);
