-- The tables and views that are named, with their partitions; then their indexes and owned sequences. Each with its owner, and
-- the statements that give and take what others may do with it.
WITH RECURSIVE moved AS (
  SELECT n.oid, n.place FROM unnest($1::oid[]) WITH ORDINALITY n(oid, place)
  UNION SELECT i.inhrelid, m.place FROM moved m JOIN pg_inherits i ON i.inhparent = m.oid),
relation AS (SELECT m.oid, min(m.place) AS place, 1 AS rank FROM moved m GROUP BY m.oid),
object AS (
  SELECT * FROM relation
  UNION ALL SELECT i.indexrelid, r.place, 2 FROM pg_index i JOIN relation r ON r.oid = i.indrelid
  UNION ALL SELECT d.objid, r.place, 3 FROM pg_depend d JOIN relation r ON r.oid = d.refobjid
      JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
SELECT c.oid, CASE c.relkind WHEN 'I' THEN 'i' ELSE c.relkind END::"char", n.nspname::text, c.relname::text, w.rolname::text,
  coalesce((SELECT array_agg(g.sql ORDER BY g.sql) FROM (
      SELECT format('GRANT %s ON %s %I.%I TO %s%s', a.privilege_type, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
          n.nspname, c.relname, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
          CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS sql
        FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner
      UNION SELECT format('GRANT %s (%I) ON TABLE %I.%I TO %s%s', a.privilege_type, t.attname, n.nspname, c.relname,
          CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
          CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
        FROM pg_attribute t, aclexplode(t.attacl) a
        WHERE t.attrelid = c.oid AND NOT t.attisdropped AND a.grantee <> c.relowner) g), '{}'),
  -- Of everybody but the owner; what they gave on goes with it, and what they may do with single columns.
  coalesce((SELECT array_agg(DISTINCT format('REVOKE ALL ON %s %I.%I FROM %s CASCADE', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
      n.nspname, c.relname,
      CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END))
    FROM (SELECT x.grantee FROM aclexplode(c.relacl) x
      UNION SELECT x.grantee FROM pg_attribute t, aclexplode(t.attacl) x WHERE t.attrelid = c.oid AND NOT t.attisdropped) a
    WHERE a.grantee <> c.relowner), '{}')
FROM object o JOIN pg_class c ON c.oid = o.oid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles w ON w.oid = c.relowner
ORDER BY o.rank, o.place, c.oid
