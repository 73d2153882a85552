-- What depends on these relations, and is not one of them or a part of one.
WITH moved AS (SELECT unnest($1::oid[]) AS oid),
own AS (
  SELECT 'pg_class'::regclass::oid AS class, m.oid AS object FROM moved m
  UNION SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i JOIN moved m ON m.oid = i.indrelid
  UNION SELECT 'pg_class'::regclass, d.objid FROM pg_depend d JOIN moved m ON m.oid = d.refobjid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
  UNION SELECT 'pg_type'::regclass, t.oid FROM pg_class c JOIN moved m ON m.oid = c.oid JOIN pg_type e ON e.oid = c.reltype
    JOIN pg_type t ON t.oid IN (e.oid, e.typarray)
  UNION SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c JOIN moved m ON m.oid = c.conrelid
  UNION SELECT 'pg_attrdef'::regclass, d.oid FROM pg_attrdef d JOIN moved m ON m.oid = d.adrelid
  UNION SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r JOIN moved m ON m.oid = r.ev_class
  UNION SELECT 'pg_trigger'::regclass, t.oid FROM pg_trigger t JOIN moved m ON m.oid = t.tgrelid
  UNION SELECT 'pg_policy'::regclass, p.oid FROM pg_policy p JOIN moved m ON m.oid = p.polrelid
  UNION SELECT 'pg_statistic_ext'::regclass, s.oid FROM pg_statistic_ext s JOIN moved m ON m.oid = s.stxrelid)
SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend d
  JOIN own o ON o.class = d.refclassid AND o.object = d.refobjid
WHERE d.deptype = 'n' AND NOT EXISTS (SELECT FROM own x WHERE x.class = d.classid AND x.object = d.objid)
ORDER BY 1
