-- What `TRUNCATE` of these tables empties, with CASCADE or without, and every relation that is locked on the way.
WITH RECURSIVE named (oid) AS (
  SELECT DISTINCT pg_catalog.to_regclass(n)::pg_catalog.oid FROM pg_catalog.unnest(@NAMED@::pg_catalog.text[]) n),
approved (oid) AS (SELECT pg_catalog.to_regclass(a)::pg_catalog.oid FROM pg_catalog.unnest(@APPROVED@::pg_catalog.text[]) a),
own (oid) AS (SELECT oid FROM named UNION SELECT i.inhrelid FROM own o JOIN pg_catalog.pg_inherits i ON i.inhparent = o.oid),
gone (oid) AS (
  SELECT oid FROM own
  UNION SELECT n.oid FROM gone g CROSS JOIN LATERAL (
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = g.oid
    UNION ALL SELECT c.conrelid FROM pg_catalog.pg_constraint c WHERE @CASCADE@ AND c.contype = 'f' AND c.confrelid = g.oid) n (oid)),
touched (oid) AS (
  (SELECT oid FROM gone UNION SELECT i.indexrelid FROM gone g JOIN pg_catalog.pg_index i ON i.indrelid = g.oid)
  UNION SELECT d.objid FROM touched t JOIN pg_catalog.pg_depend d ON d.refclassid = 1259 AND d.refobjid = t.oid
    WHERE d.classid = 1259 AND d.deptype IN ('a', 'i'))
SELECT 'table', c.oid::pg_catalog.text, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind::pg_catalog.text,
  (c.oid IN (SELECT oid FROM named))::pg_catalog.text, (c.oid IN (SELECT oid FROM approved))::pg_catalog.text,
  EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation'
    AND l.relation = c.oid AND l.mode = 'AccessExclusiveLock' AND l.granted)::pg_catalog.text,
  -- By the trigger that `safeguard undo` keeps truncated rows with; at every partition, so that the root needs none.
  (c.relkind = 'p' OR EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'zz_safeguard_undo_truncate'
    AND (t.tgenabled = 'A' OR t.tgenabled = 'O' AND pg_catalog.current_setting('session_replication_role') <> 'replica')))::pg_catalog.text
FROM gone g JOIN pg_catalog.pg_class c ON c.oid = g.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
UNION ALL SELECT 'also', '0', pg_catalog.format('%I.%I', n.nspname, c.relname), 'table', '', '', '', ''
FROM gone g JOIN pg_catalog.pg_class c ON c.oid = g.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE g.oid NOT IN (SELECT oid FROM own)
UNION ALL SELECT 'part', oid::pg_catalog.text, '', '', '', '', '', '' FROM touched WHERE oid <> 0
