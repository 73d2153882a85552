-- What undo needs in a database. One transaction, which may be run again: after tables were added, and to change the limits.
-- A superuser runs it, or who owns every table; the records belong to that role, and nobody else is given anything.
BEGIN;
SET LOCAL lock_timeout = '10s';
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL client_min_messages = warning;

CREATE SCHEMA IF NOT EXISTS safeguard_undo;
CREATE SCHEMA IF NOT EXISTS safeguard_trash;
-- Whoever made them before, or anything in them, would own what is kept here.
DO $body$
BEGIN
  IF EXISTS (SELECT FROM pg_namespace n WHERE n.nspname IN ('safeguard_undo', 'safeguard_trash')
        AND n.nspowner <> (SELECT oid FROM pg_roles WHERE rolname = current_user))
      OR EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'safeguard_undo'::regnamespace
        AND c.relowner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)) THEN
    RAISE EXCEPTION 'the schemas safeguard_undo and safeguard_trash belong to somebody else' USING ERRCODE = '42501',
      HINT = 'run it as the role that ran it first, or look who made them, and drop them';
  END IF;
END $body$;

-- One undo id: what one transaction removed and changed, or one table that was dropped.
CREATE TABLE IF NOT EXISTS safeguard_undo.record (
  id text PRIMARY KEY CHECK (id ~ '^und_[0-9a-hjkmnp-tv-z]{16}$'),
  kind text NOT NULL DEFAULT 'rows' CHECK (kind IN ('rows', 'drop')),
  -- Of the transaction: an id is used by one and by no other.
  transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
  at timestamptz NOT NULL DEFAULT statement_timestamp(),
  who text NOT NULL DEFAULT session_user,
  application text NOT NULL DEFAULT coalesce(current_setting('application_name', true), ''),
  -- Of the file that it was shipped to.
  shipped_at timestamptz,
  digest text,
  -- Of a dropped table.
  expires timestamptz,
  purged_at timestamptz,
  restored_at timestamptz,
  restored_by text
);

-- What one statement did to one table, in the order of the ids.
CREATE TABLE IF NOT EXISTS safeguard_undo.act (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  undo text NOT NULL,
  operation text NOT NULL,
  relation oid NOT NULL,
  schema_name text NOT NULL,
  table_name text NOT NULL,
  -- Of the images, in this order; generated columns are left out.
  columns text[] NOT NULL,
  types text[] NOT NULL,
  -- Of the primary key; none where there is none.
  key text[] NOT NULL,
  removed bigint NOT NULL,
  added bigint NOT NULL,
  -- Of the whole record up to here.
  rows_so_far bigint NOT NULL,
  bytes_so_far bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS act_undo ON safeguard_undo.act (undo, id);

-- One row as it was before ('-') or after ('+') an act, in the text form of its type, which reads back as the same value.
CREATE TABLE IF NOT EXISTS safeguard_undo.image (
  act bigint NOT NULL,
  -- The two images of a row that was updated have the same.
  place bigint NOT NULL,
  side "char" NOT NULL CHECK (side IN ('-', '+')),
  row_text text NOT NULL
);
CREATE INDEX IF NOT EXISTS image_act ON safeguard_undo.image (act);

-- What was moved into the trash under one undo id, and how it has to come back.
CREATE TABLE IF NOT EXISTS safeguard_undo.trash (
  undo text NOT NULL,
  place int NOT NULL,
  object oid NOT NULL,
  kind "char" NOT NULL,
  schema_name text NOT NULL,
  name text NOT NULL,
  trash_name text NOT NULL,
  owner text NOT NULL,
  -- GRANT statements, for the object under its own name.
  grants text[] NOT NULL,
  PRIMARY KEY (undo, place)
);

CREATE TABLE IF NOT EXISTS safeguard_undo.limits (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  rows_max bigint NOT NULL,
  bytes_max bigint NOT NULL
);
INSERT INTO safeguard_undo.limits (rows_max, bytes_max) VALUES (@ROWS_MAX@, @BYTES_MAX@)
  ON CONFLICT (single) DO UPDATE SET rows_max = EXCLUDED.rows_max, bytes_max = EXCLUDED.bytes_max;

-- Roles that may drop tables into the trash, and nothing else of this: those of proxies.
CREATE TABLE IF NOT EXISTS safeguard_undo.dropper (role_name text PRIMARY KEY);
@DROPPERS@
-- Keeps what a statement removed and changed. It runs as the owner of the records, whoever makes the statement; so it calls
-- nothing that another role may have defined: `record_out` rather than a cast, which a table's owner can define.
CREATE OR REPLACE FUNCTION safeguard_undo.keep() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- These decide how values are written. `restore` sets the same.
SET extra_float_digits = 1
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET timezone = 'UTC'
SET bytea_output = 'hex'
SET lc_monetary = 'C'
SET xmloption = 'content'
-- A row that a policy hides must not be missing in silence.
SET row_security = off
AS $body$
#variable_conflict use_variable
DECLARE
  undo_id text := current_setting('safeguard.undo', true);
  -- A partition's rows are kept as its root's, and come back through it.
  root oid := coalesce(pg_partition_root(TG_RELID), TG_RELID);
  by_transaction xid8;
  most record;
  names text[];
  type_names text[];
  key_names text[];
  generated boolean;
  plain boolean;
  row_of text;
  act_id bigint;
  gone bigint := 0;
  come bigint := 0;
  rows_before bigint;
  bytes_before bigint;
  bytes_gone bigint := 0;
  bytes_come bigint := 0;
BEGIN
  IF coalesce(undo_id, '') = '' THEN
    RETURN NULL;
  END IF;
  IF undo_id !~ '^und_[0-9a-hjkmnp-tv-z]{16}$' THEN
    RAISE EXCEPTION 'safeguard.undo is no undo id' USING ERRCODE = '22023',
      HINT = '`safeguard undo new` makes one';
  END IF;
  SELECT r.transaction INTO by_transaction FROM safeguard_undo.record r WHERE r.id = undo_id;
  IF by_transaction IS NULL THEN
    INSERT INTO safeguard_undo.record (id) VALUES (undo_id) RETURNING transaction INTO by_transaction;
  END IF;
  IF by_transaction <> pg_current_xact_id() THEN
    RAISE EXCEPTION 'undo id % belongs to another transaction', undo_id USING ERRCODE = '55000',
      HINT = 'one id is for one transaction; `safeguard undo new` makes another';
  END IF;
  IF EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = TG_RELID AND NOT c.relispartition) THEN
    RAISE EXCEPTION 'what is removed from %.% can not be undone: other tables inherit from it', TG_TABLE_SCHEMA, TG_TABLE_NAME
      USING ERRCODE = '0A000', HINT = 'name the tables that inherit one by one';
  END IF;

  SELECT array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attgenerated = ''),
      array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) FILTER (WHERE a.attgenerated = ''),
      bool_or(a.attgenerated <> '')
    INTO names, type_names, generated
    FROM pg_attribute a WHERE a.attrelid = root AND a.attnum > 0 AND NOT a.attisdropped;
  IF names IS NULL THEN
    RAISE EXCEPTION 'what is removed from %.% can not be undone: it has no columns', TG_TABLE_SCHEMA, TG_TABLE_NAME
      USING ERRCODE = '0A000';
  END IF;
  SELECT coalesce(array_agg(a.attname::text ORDER BY k.place), '{}') INTO key_names
    FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place)
      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
    WHERE i.indrelid = root AND i.indisprimary AND k.place <= i.indnkeyatts;
  SELECT a.rows_so_far, a.bytes_so_far INTO rows_before, bytes_before
    FROM safeguard_undo.act a WHERE a.undo = undo_id ORDER BY a.id DESC LIMIT 1;
  rows_before := coalesce(rows_before, 0);
  bytes_before := coalesce(bytes_before, 0);
  SELECT l.rows_max, l.bytes_max INTO STRICT most FROM safeguard_undo.limits l;
  act_id := nextval(pg_get_serial_sequence('safeguard_undo.act', 'id'));

  plain := root = TG_RELID AND NOT generated;
  IF NOT plain THEN
    SELECT 'ROW(' || string_agg(format('t.%I', name), ', ' ORDER BY place) || ')' INTO row_of
      FROM unnest(names) WITH ORDINALITY n(name, place);
  END IF;
  -- Counted as they are kept: a scan for them later may be planned for the empty table of the first time.
  IF TG_OP = 'TRUNCATE' THEN
    EXECUTE format('WITH kept AS (INSERT INTO safeguard_undo.image (act, place, side, row_text)
          SELECT $1, row_number() OVER (), ''-'', textin(record_out(%s)) FROM ONLY %I.%I t LIMIT $2
          RETURNING octet_length(row_text) AS bytes)
        SELECT count(*), coalesce(sum(bytes), 0) FROM kept',
        coalesce(row_of, 't'), TG_TABLE_SCHEMA, TG_TABLE_NAME)
      INTO gone, bytes_gone USING act_id, most.rows_max - rows_before + 1;
  ELSIF TG_OP IN ('DELETE', 'UPDATE') AND plain THEN
    WITH kept AS (INSERT INTO safeguard_undo.image (act, place, side, row_text)
        SELECT act_id, row_number() OVER (), '-', textin(record_out(t)) FROM old_rows t
        RETURNING octet_length(row_text) AS bytes)
      SELECT count(*), coalesce(sum(bytes), 0) INTO gone, bytes_gone FROM kept;
  ELSIF TG_OP IN ('DELETE', 'UPDATE') THEN
    EXECUTE format('WITH kept AS (INSERT INTO safeguard_undo.image (act, place, side, row_text)
          SELECT $1, row_number() OVER (), ''-'', textin(record_out(%s)) FROM old_rows t
          RETURNING octet_length(row_text) AS bytes)
        SELECT count(*), coalesce(sum(bytes), 0) FROM kept', row_of)
      INTO gone, bytes_gone USING act_id;
  END IF;
  IF TG_OP IN ('INSERT', 'UPDATE') AND plain THEN
    WITH kept AS (INSERT INTO safeguard_undo.image (act, place, side, row_text)
        SELECT act_id, row_number() OVER (), '+', textin(record_out(t)) FROM new_rows t
        RETURNING octet_length(row_text) AS bytes)
      SELECT count(*), coalesce(sum(bytes), 0) INTO come, bytes_come FROM kept;
  ELSIF TG_OP IN ('INSERT', 'UPDATE') THEN
    EXECUTE format('WITH kept AS (INSERT INTO safeguard_undo.image (act, place, side, row_text)
          SELECT $1, row_number() OVER (), ''+'', textin(record_out(%s)) FROM new_rows t
          RETURNING octet_length(row_text) AS bytes)
        SELECT count(*), coalesce(sum(bytes), 0) FROM kept', row_of)
      INTO come, bytes_come USING act_id;
  END IF;
  IF TG_OP = 'UPDATE' AND gone <> come THEN
    -- A trigger of a partition swallowed a row that was on its way to it.
    RAISE EXCEPTION 'the update of %.% can not be undone: % rows before it, and % after it', TG_TABLE_SCHEMA, TG_TABLE_NAME, gone, come
      USING ERRCODE = '0A000';
  END IF;
  IF gone = 0 AND come = 0 THEN
    RETURN NULL;
  END IF;
  IF rows_before + gone + come > most.rows_max OR bytes_before + bytes_gone + bytes_come > most.bytes_max THEN
    RAISE EXCEPTION 'too much for one undo record: more than % rows or % bytes', most.rows_max, most.bytes_max
      USING ERRCODE = '53400',
        DETAIL = format('%s rows and %s bytes at %s.%s', rows_before + gone + come, bytes_before + bytes_gone + bytes_come, TG_TABLE_SCHEMA, TG_TABLE_NAME),
        HINT = 'do it in parts, each with an id of its own, or raise the limits: `safeguard undo install --rows-max … --bytes-max … --apply`';
  END IF;
  INSERT INTO safeguard_undo.act (id, undo, operation, relation, schema_name, table_name, columns, types, key,
      removed, added, rows_so_far, bytes_so_far)
    OVERRIDING SYSTEM VALUE
    SELECT act_id, undo_id, lower(TG_OP), root, n.nspname, c.relname, names, type_names, key_names,
      gone, come, rows_before + gone + come, bytes_before + bytes_gone + bytes_come
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = root;
  RETURN NULL;
END $body$;

-- Sets the triggers of one table; what is no table of a user, or has them, is left alone. Statement triggers with transition
-- tables may stand on a partitioned table and on its partitions: each fires for what was named in the statement. TRUNCATE
-- fires at every partition, so there the root needs none.
CREATE OR REPLACE FUNCTION safeguard_undo.attach(relation oid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  place record;
  wanted record;
BEGIN
  SELECT n.nspname, c.relname, c.relkind INTO place FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = relation AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'safeguard_undo', 'safeguard_trash') AND n.nspname !~ '^pg_(toast|temp)';
  IF NOT FOUND THEN
    RETURN;
  END IF;
  -- The names are late in the alphabet: what other triggers do before a TRUNCATE is seen.
  FOR wanted IN SELECT * FROM (VALUES
      ('zz_safeguard_undo_insert', 'AFTER INSERT', 'REFERENCING NEW TABLE AS new_rows'),
      ('zz_safeguard_undo_update', 'AFTER UPDATE', 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'),
      ('zz_safeguard_undo_delete', 'AFTER DELETE', 'REFERENCING OLD TABLE AS old_rows'),
      ('zz_safeguard_undo_truncate', 'BEFORE TRUNCATE', '')) w(name, moment, tables)
      WHERE NOT (place.relkind = 'p' AND name = 'zz_safeguard_undo_truncate')
        AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = relation AND t.tgname = w.name) LOOP
    EXECUTE format('CREATE TRIGGER %I %s ON %I.%I %s FOR EACH STATEMENT
        WHEN (pg_catalog.current_setting(''safeguard.undo'', true) OPERATOR(pg_catalog.<>) '''')
        EXECUTE FUNCTION safeguard_undo.keep()', wanted.name, wanted.moment, place.nspname, place.relname, wanted.tables);
  END LOOP;
END $body$;

-- What is moved into the trash with these tables and views, and what depends on them from outside.
CREATE OR REPLACE FUNCTION safeguard_undo.objects(relations oid[])
RETURNS TABLE (object oid, kind "char", schema_name text, name text, owner text, grants text[], revokes text[])
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $body$
@OBJECTS@
$body$;

CREATE OR REPLACE FUNCTION safeguard_undo.dependents(relations oid[]) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $body$
@DEPENDENTS@
$body$;

-- Moves tables and views into the trash, in place of dropping them. It runs as the owner of the records, so that whoever may
-- call it needs to own no table. Foreign keys of tables that stay are dropped where that is asked for, and come back too.
CREATE OR REPLACE FUNCTION safeguard_undo.discard(undo_id text, relations oid[], keep_ms bigint, with_foreign_keys boolean)
RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  thing record;
  command text;
  word text;
  trash_name text;
  place int := 0;
  until timestamptz := statement_timestamp() + keep_ms * interval '1 millisecond';
  -- With their partitions.
  moved oid[];
  dependents text[];
BEGIN
  FOR thing IN SELECT c.oid::regclass::text AS name, c.relkind, c.relpersistence, n.nspname,
        EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
          OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid AND c.relkind <> 'p') AS inherits
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY (relations) LOOP
    IF thing.relkind NOT IN ('r', 'p', 'v', 'm') OR thing.relpersistence = 't'
        OR thing.nspname ~ '^(pg_|safeguard_(undo|trash)$)' OR thing.nspname = 'information_schema' THEN
      RAISE EXCEPTION 'dropping % can not be undone: it is no table and no view of a user', thing.name USING ERRCODE = '0A000';
    END IF;
    IF thing.inherits THEN
      RAISE EXCEPTION 'dropping % can not be undone: it is a partition, or inherits, or is inherited from', thing.name
        USING ERRCODE = '0A000', HINT = 'detach it first: ALTER TABLE … DETACH PARTITION …';
    END IF;
  END LOOP;
  SELECT array_agg(o.object) INTO moved FROM safeguard_undo.objects(relations) o WHERE o.kind IN ('r', 'p', 'v', 'm');
  IF moved IS NULL THEN
    RAISE EXCEPTION 'there is no table to drop' USING ERRCODE = '42P01';
  END IF;
  FOR thing IN SELECT o.schema_name, o.name FROM safeguard_undo.objects(relations) o WHERE o.kind IN ('r', 'p') LOOP
    EXECUTE format('LOCK TABLE %I.%I IN ACCESS EXCLUSIVE MODE', thing.schema_name, thing.name);
  END LOOP;
  INSERT INTO safeguard_undo.record (id, kind, expires) VALUES (undo_id, 'drop', until);
  IF with_foreign_keys THEN
    FOR thing IN SELECT f.oid, f.conname, n.nspname, c.relname, w.rolname,
          format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', n.nspname, c.relname, f.conname, pg_get_constraintdef(f.oid)) AS made,
          format('COMMENT ON CONSTRAINT %I ON %I.%I IS %L', f.conname, n.nspname, c.relname, obj_description(f.oid, 'pg_constraint')) AS told,
          obj_description(f.oid, 'pg_constraint') IS NOT NULL AS is_told
        FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_roles w ON w.oid = c.relowner
        WHERE f.contype = 'f' AND f.confrelid = ANY (moved) AND f.conrelid <> ALL (moved) AND f.conparentid = 0 ORDER BY f.oid LOOP
      place := place + 1;
      -- Far behind the tables that they refer to.
      INSERT INTO safeguard_undo.trash (undo, place, object, kind, schema_name, name, trash_name, owner, grants)
        VALUES (undo_id, 1000000 + place, thing.oid, 'c', thing.nspname, thing.conname, thing.relname, thing.rolname,
          CASE WHEN thing.is_told THEN ARRAY[thing.made, thing.told] ELSE ARRAY[thing.made] END);
      EXECUTE format('ALTER TABLE %I.%I DROP CONSTRAINT %I', thing.nspname, thing.relname, thing.conname);
    END LOOP;
  END IF;
  SELECT array_agg(d) INTO dependents FROM safeguard_undo.dependents(moved) d;
  IF dependents IS NOT NULL THEN
    RAISE EXCEPTION 'the drop can not be undone: % other objects depend on it', cardinality(dependents)
      USING ERRCODE = '2BP01', DETAIL = array_to_string(dependents[1:20], '; '),
        HINT = 'remove what depends on it first';
  END IF;
  place := 0;
  -- Indexes and sequences first: they go along with their tables, and in the trash their names have to be free.
  FOR thing IN SELECT o.*, row_number() OVER () AS place FROM safeguard_undo.objects(relations) o
      ORDER BY o.kind NOT IN ('i', 'S'), 8 LOOP
    trash_name := format('%s_%s_%s', undo_id, thing.place, thing.name);
    -- PostgreSQL cuts longer names.
    WHILE octet_length(trash_name) > 63 LOOP
      trash_name := left(trash_name, -1);
    END LOOP;
    INSERT INTO safeguard_undo.trash (undo, place, object, kind, schema_name, name, trash_name, owner, grants)
      VALUES (undo_id, thing.place, thing.object, thing.kind, thing.schema_name, thing.name, trash_name, thing.owner, thing.grants);
    FOREACH command IN ARRAY thing.revokes LOOP
      EXECUTE command;
    END LOOP;
    word := CASE thing.kind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'i' THEN 'INDEX' WHEN 'S' THEN 'SEQUENCE'
      ELSE 'TABLE' END;
    EXECUTE format('ALTER %s %I.%I RENAME TO %I', word, thing.schema_name, thing.name, trash_name);
    IF thing.kind NOT IN ('i', 'S') THEN
      EXECUTE format('ALTER %s %I.%I OWNER TO CURRENT_USER', word, thing.schema_name, trash_name);
      EXECUTE format('ALTER %s %I.%I SET SCHEMA safeguard_trash', word, thing.schema_name, trash_name);
    END IF;
  END LOOP;
  RETURN until;
END $body$;

CREATE OR REPLACE FUNCTION safeguard_undo.attach_new() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
  PERFORM safeguard_undo.attach(c.objid) FROM pg_event_trigger_ddl_commands() c WHERE c.classid = 'pg_class'::regclass;
END $body$;

DO $body$
DECLARE
  thing record;
BEGIN
  PERFORM safeguard_undo.attach(c.oid) FROM pg_class c WHERE c.relkind IN ('r', 'p') ORDER BY c.oid;
  -- Tables that are made later get their triggers when they are made; only a superuser can have that.
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    RAISE WARNING 'tables that are made later are not covered: run this again after each migration, or once as a superuser';
  ELSIF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'safeguard_undo_attach') THEN
    CREATE EVENT TRIGGER safeguard_undo_attach ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
      EXECUTE FUNCTION safeguard_undo.attach_new();
  END IF;

  -- Whatever default privileges gave away is taken back.
  FOR thing IN
    SELECT 'FUNCTION ' || p.oid::regprocedure AS name, a.grantee FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
      WHERE p.pronamespace = 'safeguard_undo'::regnamespace AND a.grantee <> p.proowner
    UNION SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass, a.grantee
      FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) a
      WHERE c.relnamespace = 'safeguard_undo'::regnamespace AND c.relkind IN ('r', 'S') AND a.grantee <> c.relowner
    UNION SELECT 'SCHEMA ' || quote_ident(n.nspname), a.grantee
      FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
      WHERE n.nspname IN ('safeguard_undo', 'safeguard_trash') AND a.grantee <> n.nspowner LOOP
    EXECUTE format('REVOKE ALL ON %s FROM %s', thing.name, CASE thing.grantee WHEN 0 THEN 'PUBLIC' ELSE thing.grantee::regrole::text END);
  END LOOP;
  FOR thing IN SELECT d.role_name FROM safeguard_undo.dropper d JOIN pg_roles r ON r.rolname = d.role_name AND r.rolname <> current_user LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA safeguard_undo TO %I', thing.role_name);
    EXECUTE format('GRANT EXECUTE ON FUNCTION safeguard_undo.discard(text, oid[], bigint, boolean) TO %I', thing.role_name);
  END LOOP;
END $body$;

COMMIT;
