-- What a fleet shares, version 1. Names are written out, so that no search_path matters.
-- Times are the database's own: no host's clock decides anything between two hosts.

CREATE SCHEMA pleo_export;

-- One row: whose tables these are.
CREATE TABLE pleo_export.fleet (
    id       smallint PRIMARY KEY CHECK (id = 1),
    program  text NOT NULL,
    version  integer NOT NULL
);
INSERT INTO pleo_export.fleet VALUES (1, 'pleo-export', 1);

CREATE TABLE pleo_export.company (
    company_id       text PRIMARY KEY,
    -- Who may act for it. The epoch grows with each claim and never shrinks: whoever knows an older one has lost the company.
    epoch            bigint NOT NULL DEFAULT 0,
    holder           text,
    host             text,
    granted_at       timestamptz,
    lease_until      timestamptz,
    -- The lease and the grace after it: until then nobody else claims it.
    free_at          timestamptz,
    -- Whose turn it is: due longest is who was claimed longest ago.
    claimed_at       timestamptz,
    served_at        timestamptz,
    -- Why nobody claims it, where nobody does.
    paused_at        timestamptz,
    paused_by        text CHECK (paused_by IN ('person', 'worker')),
    pause_reason     text,
    -- How its polls ended, whichever host made them.
    answered_by      text NOT NULL DEFAULT '',
    failed_polls     bigint NOT NULL DEFAULT 0,
    failing_since    timestamptz,
    last_error       text,
    last_success_at  timestamptz,
    last_poll_at     timestamptz,
    last_exit_code   smallint,
    last_message     text,
    last_remedy      text,
    told_event       text,
    told_exit_code   smallint,
    told_at          timestamptz,
    CHECK ((holder IS NULL) = (free_at IS NULL)),
    CHECK ((paused_at IS NULL) = (paused_by IS NULL))
);
CREATE INDEX company_due ON pleo_export.company (claimed_at NULLS FIRST, company_id);

-- The jobs that the fleet started: any host goes on with them.
CREATE TABLE pleo_export.job (
    job_id      text PRIMARY KEY,
    company_id  text NOT NULL REFERENCES pleo_export.company,
    state       text NOT NULL CHECK (state IN ('starting', 'started', 'closing', 'closed', 'ended', 'foreign')),
    epoch       bigint NOT NULL,
    host        text NOT NULL,
    begun_at    timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL
);
CREATE INDEX job_open ON pleo_export.job (company_id) WHERE state IN ('starting', 'started', 'closing');

-- Until when nobody sends anything with a credential, by a digest of it.
CREATE TABLE pleo_export.throttle (
    credential  text PRIMARY KEY,
    noted_at    timestamptz NOT NULL,
    until       timestamptz NOT NULL
);

-- The tokens of each consent.
CREATE TABLE pleo_export.oauth_grant (
    company_id     text PRIMARY KEY,
    host           text NOT NULL,
    access_token   text NOT NULL,
    refresh_token  text NOT NULL,
    expires_at     timestamptz NOT NULL,
    scope          text NOT NULL,
    -- Whether it is known that the consent is for this company.
    is_finished    boolean NOT NULL,
    refused_at     timestamptz,
    changed_at     timestamptz NOT NULL
);

-- What was decided of each item. Rows are only ever added; the one with the highest epoch, then the highest part, counts.
CREATE TABLE pleo_export.verdict (
    number        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    decided_at    timestamptz NOT NULL,
    company_id    text NOT NULL,
    job_id        text NOT NULL,
    entry_id      text NOT NULL,
    outcome       text NOT NULL CHECK (outcome IN ('successful', 'failed')),
    external_id   text,
    failure_type  text,
    reason        text,
    host          text NOT NULL,
    epoch         bigint NOT NULL,
    -- The place among what this holder wrote: the same write twice is one row.
    part          integer NOT NULL,
    UNIQUE (company_id, epoch, part)
);
CREATE INDEX verdict_entry ON pleo_export.verdict (entry_id);

-- Who did what when. Rows are only ever added.
CREATE TABLE pleo_export.audit (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    happened_at timestamptz NOT NULL,
    company_id  text NOT NULL,
    job_id      text,
    event       text NOT NULL,
    detail      text NOT NULL,
    host        text NOT NULL,
    epoch       bigint,
    part        integer,
    UNIQUE (company_id, epoch, part)
);

CREATE FUNCTION pleo_export.only_ever_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of pleo_export.% are only ever added', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER only_ever_added BEFORE UPDATE OR DELETE OR TRUNCATE ON pleo_export.verdict
    FOR EACH STATEMENT EXECUTE FUNCTION pleo_export.only_ever_added();
CREATE TRIGGER only_ever_added BEFORE UPDATE OR DELETE OR TRUNCATE ON pleo_export.audit
    FOR EACH STATEMENT EXECUTE FUNCTION pleo_export.only_ever_added();
