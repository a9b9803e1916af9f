CREATE TYPE task_status_enum AS ENUM
    ('pending', 'in_progress', 'validation', 'complete', 'failed', 'cancelled', 'superseded', 'dead');
CREATE TYPE agent_type_enum AS ENUM ('reviewer', 'generator', 'fixer', 'validator');
CREATE TYPE agent_status_enum AS ENUM ('active', 'draining', 'lost', 'disabled');
CREATE TYPE effect_state_enum AS ENUM ('pending', 'sending', 'done', 'superseded', 'dead');

-- One row per repository that the platform has met: `github` by full name, `local` also by the folder it lives in.
CREATE TABLE repositories (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    forge           text NOT NULL CHECK (forge IN ('github', 'local')),
    full_name       text NOT NULL UNIQUE,
    location        text,
    installation_id bigint,
    settings        jsonb NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    CHECK ((forge = 'local') = (location IS NOT NULL))
);

-- What a pull request is on a forge: a numbered proposal to merge one revision into another, for local repositories.
CREATE TABLE local_pull_requests (
    repository_id bigint NOT NULL REFERENCES repositories ON DELETE CASCADE,
    number        integer NOT NULL,
    base_ref      text NOT NULL,
    head_ref      text NOT NULL,
    base_sha      text NOT NULL,
    head_sha      text NOT NULL,
    title         text NOT NULL,
    description   text NOT NULL DEFAULT '',
    author        text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (repository_id, number),
    UNIQUE (repository_id, base_ref, head_ref)
);

-- The ledger of deliveries: raw bytes as received; `payload` is filled by routing where jsonb can hold it.
CREATE TABLE events (
    id           uuid PRIMARY KEY,
    sequence     bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    delivery_id  text NOT NULL UNIQUE,
    event_type   text NOT NULL,
    source       text NOT NULL DEFAULT 'github',
    headers      jsonb NOT NULL DEFAULT '{}',
    body         bytea NOT NULL,
    body_sha256  bytea NOT NULL UNIQUE,
    payload      jsonb,
    action       text,
    disposition  text CHECK (disposition IN ('task', 'ignored', 'unparseable', 'unknown')),
    reason       text,
    task_id      uuid,
    created_at   timestamptz NOT NULL DEFAULT now(),
    processed_at timestamptz
);
-- Compressing a body costs more than writing it, and it is on the way of every acknowledgement.
ALTER TABLE events ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX events_unprocessed ON events (sequence) WHERE processed_at IS NULL;
CREATE INDEX events_created ON events (created_at DESC);

CREATE TABLE workflows (
    id            uuid PRIMARY KEY,
    name          text NOT NULL,
    description   text NOT NULL DEFAULT '',
    template      jsonb NOT NULL,
    version       integer NOT NULL DEFAULT 1,
    configuration jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (name, version)
);

CREATE TABLE agents (
    id            uuid PRIMARY KEY,
    name          text NOT NULL UNIQUE,
    type          agent_type_enum NOT NULL,
    capabilities  text[] NOT NULL DEFAULT '{}',
    capacity      integer NOT NULL DEFAULT 1 CHECK (capacity > 0),
    status        agent_status_enum NOT NULL DEFAULT 'active',
    configuration jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    last_seen     timestamptz NOT NULL DEFAULT now()
);

-- The projection of task_events: one row per task, its present state. Priority 1 is the most urgent.
-- `attempt` numbers the runs that were ever asked for; `tries` counts those that claimed the task since it was last (re)opened,
-- `losses` those of them that vanished without a word.
CREATE TABLE tasks (
    id            uuid PRIMARY KEY,
    title         text NOT NULL,
    description   text NOT NULL DEFAULT '',
    kind          text NOT NULL,
    semantic_key  text NOT NULL UNIQUE,
    status        task_status_enum NOT NULL DEFAULT 'pending',
    priority      smallint NOT NULL DEFAULT 3 CHECK (priority BETWEEN 1 AND 5),
    assignee      text,
    metadata      jsonb NOT NULL DEFAULT '{}',
    dependencies  uuid[] NOT NULL DEFAULT '{}',
    event_id      uuid REFERENCES events,
    workflow_id   uuid REFERENCES workflows,
    forge         text NOT NULL,
    repository    text NOT NULL,
    number        integer,
    head_sha      text,
    partition_key text NOT NULL,
    version       integer NOT NULL DEFAULT 1,
    attempt       integer NOT NULL DEFAULT 1,
    tries         integer NOT NULL DEFAULT 0,
    losses        integer NOT NULL DEFAULT 0,
    fence         bigint NOT NULL DEFAULT 0,
    run_id        text,
    run_at        timestamptz NOT NULL DEFAULT now(),
    dispatched_at timestamptz,
    lease_until   timestamptz,
    outcome       text,
    error_code    text,
    error         text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    started_at    timestamptz,
    completed_at  timestamptz
);
CREATE INDEX tasks_ready ON tasks (priority, created_at, run_at) WHERE status = 'pending' AND dispatched_at IS NULL;
CREATE INDEX tasks_due ON tasks (run_at) WHERE status = 'pending' AND dispatched_at IS NULL;
CREATE INDEX tasks_dispatched ON tasks (repository, number) WHERE status = 'pending' AND dispatched_at IS NOT NULL;
CREATE INDEX tasks_leased ON tasks (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX tasks_change ON tasks (repository, number, kind, created_at DESC);
CREATE INDEX tasks_created ON tasks (created_at DESC);

CREATE TABLE task_events (
    task_id  uuid NOT NULL REFERENCES tasks,
    sequence integer NOT NULL,
    type     text NOT NULL,
    data     jsonb NOT NULL DEFAULT '{}',
    actor    text NOT NULL,
    fence    bigint NOT NULL DEFAULT 0,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (task_id, sequence)
);
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'task_events is append-only'; END $$;
CREATE TRIGGER task_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON task_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The outbox: what shall be written to a forge. Only the publisher moves these rows once they exist.
CREATE TABLE effects (
    id             uuid PRIMARY KEY,
    sequence       bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    task_id        uuid NOT NULL REFERENCES tasks,
    kind           text NOT NULL,
    effect_key     text NOT NULL UNIQUE,
    forge          text NOT NULL,
    repository     text NOT NULL,
    number         integer NOT NULL,
    head_sha       text NOT NULL,
    payload        bytea NOT NULL,
    payload_sha256 bytea NOT NULL,
    state          effect_state_enum NOT NULL DEFAULT 'pending',
    attempt        integer NOT NULL DEFAULT 0,
    fence          bigint NOT NULL DEFAULT 0,
    run_at         timestamptz NOT NULL DEFAULT now(),
    lease_until    timestamptz,
    sent_at        timestamptz,
    remote_id      text,
    outcome        text,
    result         bytea,
    last_error     text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    finished_at    timestamptz,
    materialized_at timestamptz
);
CREATE INDEX effects_due ON effects (run_at) WHERE state IN ('pending', 'sending');
CREATE INDEX effects_unreported ON effects (finished_at) WHERE finished_at IS NOT NULL AND materialized_at IS NULL;
CREATE INDEX effects_task ON effects (task_id);

-- One row per call to a model, also the failed ones: it was billed before it was parsed.
CREATE TABLE model_calls (
    id                  uuid PRIMARY KEY,
    task_id             uuid REFERENCES tasks,
    attempt             integer NOT NULL DEFAULT 1,
    backend             text NOT NULL,
    model               text NOT NULL,
    purpose             text NOT NULL,
    prompt_sha256       text NOT NULL,
    request_sha256      text NOT NULL,
    status              text NOT NULL CHECK (status IN ('ok', 'invalid', 'refused', 'error')),
    stop_reason         text,
    error               text,
    input_tokens        integer NOT NULL DEFAULT 0,
    output_tokens       integer NOT NULL DEFAULT 0,
    cache_read_tokens   integer NOT NULL DEFAULT 0,
    cache_write_tokens  integer NOT NULL DEFAULT 0,
    cost_usd            numeric(12, 6) NOT NULL DEFAULT 0,
    price_table         text NOT NULL DEFAULT '',
    first_token_seconds double precision,
    seconds             double precision NOT NULL DEFAULT 0,
    response            bytea,
    created_at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX model_calls_recall ON model_calls (task_id, request_sha256) WHERE status = 'ok';
CREATE INDEX model_calls_created ON model_calls (created_at DESC);
