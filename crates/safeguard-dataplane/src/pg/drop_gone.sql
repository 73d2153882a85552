-- What `DROP TABLE … CASCADE` of these tables takes: the tables that lose their rows, the heads of what goes with them by
-- CASCADE, and every relation that is locked on the way. PostgreSQL follows the same dependencies.
WITH RECURSIVE named (oid) AS (
  SELECT DISTINCT pg_catalog.to_regclass(n)::pg_catalog.oid FROM pg_catalog.unnest(@NAMED@::pg_catalog.text[]) n),
approved (oid) AS (SELECT pg_catalog.to_regclass(a)::pg_catalog.oid FROM pg_catalog.unnest(@APPROVED@::pg_catalog.text[]) a),
-- A part of the named tables, which goes also without CASCADE.
own (class, object) AS (
  SELECT 1259::pg_catalog.oid, oid FROM named
  UNION SELECT d.classid, d.objid FROM own o
    JOIN pg_catalog.pg_depend d ON d.refclassid = o.class AND d.refobjid = o.object WHERE d.deptype IN ('a', 'i', 'P', 'S')),
-- What is internal to something else takes that with it, as a view's rule takes the view.
gone (class, object) AS (
  SELECT class, object FROM own
  UNION SELECT n.class, n.object FROM gone g CROSS JOIN LATERAL (
    SELECT d.classid, d.objid FROM pg_catalog.pg_depend d
      WHERE d.refclassid = g.class AND d.refobjid = g.object AND d.deptype <> 'e'
    UNION ALL SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_depend d
      WHERE d.classid = g.class AND d.objid = g.object AND d.deptype = 'i') n (class, object)),
extra (class, object) AS (SELECT class, object FROM gone EXCEPT SELECT class, object FROM own),
head (class, object) AS (
  SELECT e.class, e.object FROM extra e
  WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE e.class = 1259 AND c.oid = e.object AND c.relkind IN ('r', 'p', 'v', 'm', 'f'))
    OR NOT EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN extra x ON x.class = d.refclassid AND x.object = d.refobjid
      WHERE d.classid = e.class AND d.objid = e.object AND d.deptype IN ('a', 'i', 'P', 'S')
        AND (x.class <> e.class OR x.object <> e.object))),
touched (oid) AS (
  SELECT object FROM gone WHERE class = 1259
  UNION SELECT c.conrelid FROM pg_catalog.pg_constraint c JOIN gone g ON g.class = 2606 AND g.object = c.oid
  UNION SELECT c.confrelid FROM pg_catalog.pg_constraint c JOIN gone g ON g.class = 2606 AND g.object = c.oid
  UNION SELECT t.tgrelid FROM pg_catalog.pg_trigger t JOIN gone g ON g.class = 2620 AND g.object = t.oid
  UNION SELECT r.ev_class FROM pg_catalog.pg_rewrite r JOIN gone g ON g.class = 2618 AND g.object = r.oid
  UNION SELECT a.adrelid FROM pg_catalog.pg_attrdef a JOIN gone g ON g.class = 2604 AND g.object = a.oid
  UNION SELECT p.polrelid FROM pg_catalog.pg_policy p JOIN gone g ON g.class = 3256 AND g.object = p.oid
  UNION SELECT s.stxrelid FROM pg_catalog.pg_statistic_ext s JOIN gone g ON g.class = 3381 AND g.object = s.oid
  UNION SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN gone g ON g.class = 1259 AND g.object = i.inhrelid
  UNION SELECT p.partdefid FROM pg_catalog.pg_inherits i JOIN gone g ON g.class = 1259 AND g.object = i.inhrelid
    JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = i.inhparent)
SELECT 'table', c.oid::pg_catalog.text, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind::pg_catalog.text,
  (c.oid IN (SELECT oid FROM named))::pg_catalog.text, (c.oid IN (SELECT oid FROM approved))::pg_catalog.text, 'true', 'true'
FROM gone g JOIN pg_catalog.pg_class c ON g.class = 1259 AND c.oid = g.object JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') OR c.oid IN (SELECT oid FROM named)
UNION ALL SELECT 'also', CASE h.class WHEN 1259 THEN h.object ELSE 0 END::pg_catalog.text, i.identity, i.type, '', '', '', ''
FROM head h CROSS JOIN LATERAL pg_catalog.pg_identify_object(h.class, h.object, 0) i
UNION ALL SELECT 'part', oid::pg_catalog.text, '', '', '', '', '', '' FROM touched WHERE oid <> 0
