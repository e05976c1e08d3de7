/** Everything besides rows that a dump brings back, a line each, as the server itself writes it. Nothing of extensions. */

/** Of our schemas: not the server's own, nor those of a session. */
const ours = (schema: string) =>
  `${schema} NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND ${schema} !~ '^pg_(temp|toast_temp)_'`

const notOfExtension = (catalog: string, id: string) =>
  `NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.${catalog}'::regclass AND e.objid = ${id} AND e.deptype = 'e')`

/**
 * An expression that was read back is not always written as before: text casts move, and parentheses with them
 * (\`IN\` on a varchar column does it). What is left without both is the same.
 */
const steady = (expression: string) =>
  `regexp_replace(${expression}, '::(text|character varying|bpchar|character)(\\(\\d+\\))?(\\[\\])?|[()]', '', 'g')`

const relation = `pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`
const ofRelation = `c.relpersistence <> 't' AND ${ours('n.nspname')} AND ${notOfExtension('pg_class', 'c.oid')}`
const called = `n.nspname || '.' || c.relname`
const options = `coalesce(' with ' || array_to_string(c.reloptions, ', '), '')`

/** Each gives one column of text. */
const queries: readonly string[] = [
  `SELECT 'schema ' || nspname FROM pg_catalog.pg_namespace n
   WHERE nspname <> 'public' AND ${ours('nspname')} AND ${notOfExtension('pg_namespace', 'n.oid')}`,
  `SELECT 'extension ' || extname || ' in ' || n.nspname FROM pg_catalog.pg_extension x JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace
   WHERE extname <> 'plpgsql'`,
  `SELECT CASE c.relkind WHEN 'r' THEN 'table ' WHEN 'p' THEN 'partitioned table ' ELSE 'foreign table ' END || ${called}
     || CASE c.relpersistence WHEN 'u' THEN ' unlogged' ELSE '' END
     || CASE WHEN c.relrowsecurity THEN ' row security' ELSE '' END || CASE WHEN c.relforcerowsecurity THEN ' forced' ELSE '' END
     || coalesce(' by ' || pg_get_partkeydef(c.oid), '') || coalesce(' ' || pg_get_expr(c.relpartbound, c.oid), '')
     || coalesce((SELECT ' of ' || string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno) FROM pg_catalog.pg_inherits WHERE inhrelid = c.oid), '')
     || CASE c.relreplident WHEN 'd' THEN '' ELSE ' replica identity ' || c.relreplident::text END || ${options}
   FROM ${relation} WHERE c.relkind IN ('r', 'p', 'f') AND ${ofRelation}`,
  `SELECT 'column ' || ${called} || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
     || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
     || CASE a.attidentity WHEN '' THEN '' ELSE ' identity ' || a.attidentity::text END
     || CASE a.attgenerated WHEN '' THEN '' ELSE ' generated ' || a.attgenerated::text END
     || CASE WHEN l.collname IS NULL OR l.collname = 'default' THEN '' ELSE ' collate ' || l.collname END
     || coalesce(' default ' || ${steady('pg_get_expr(d.adbin, d.adrelid)')}, '')
   FROM ${relation} JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
   LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
   LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
   WHERE c.relkind IN ('r', 'p', 'f', 'c') AND a.attnum > 0 AND NOT a.attisdropped AND ${ofRelation}`,
  `SELECT 'constraint ' || CASE o.conrelid WHEN 0 THEN o.contypid::regtype::text ELSE o.conrelid::regclass::text END || ' ' || o.conname || ' '
     || ${steady('pg_get_constraintdef(o.oid)')}
   FROM pg_catalog.pg_constraint o JOIN pg_catalog.pg_namespace n ON n.oid = o.connamespace
   WHERE ${ours('n.nspname')} AND ${notOfExtension('pg_class', 'o.conrelid')} AND ${notOfExtension('pg_type', 'o.contypid')}`,
  // Invalid ones are not dumped.
  `SELECT ${steady('pg_get_indexdef(i.indexrelid)')} || CASE WHEN i.indisclustered THEN ' clustered' ELSE '' END
     || CASE WHEN i.indisreplident THEN ' replica identity' ELSE '' END
   FROM pg_catalog.pg_index i JOIN ${relation} ON c.oid = i.indrelid
   WHERE (i.indisvalid OR c.relkind = 'p') AND i.indisready AND ${ours('n.nspname')} AND ${notOfExtension('pg_class', 'c.oid')}`,
  `SELECT CASE c.relkind WHEN 'v' THEN 'view ' ELSE 'materialized view ' END || ${called} || ${options}
     || CASE WHEN c.relispopulated THEN '' ELSE ' empty' END || ' as ' || ${steady('pg_get_viewdef(c.oid)')}
   FROM ${relation} WHERE c.relkind IN ('v', 'm') AND ${ofRelation}`,
  `SELECT 'sequence ' || ${called} || ' ' || format_type(s.seqtypid, NULL) || ' start ' || s.seqstart || ' by ' || s.seqincrement
     || ' from ' || s.seqmin || ' to ' || s.seqmax || ' cache ' || s.seqcache || CASE WHEN s.seqcycle THEN ' cycle' ELSE '' END
     || coalesce((SELECT ' of ' || d.refobjid::regclass::text || '.' || a.attname FROM pg_catalog.pg_depend d
        JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0 LIMIT 1), '')
   FROM ${relation} JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid WHERE ${ofRelation}`,
  `SELECT 'rule ' || ${steady('pg_get_ruledef(r.oid)')} FROM pg_catalog.pg_rewrite r JOIN ${relation} ON c.oid = r.ev_class
   WHERE r.rulename <> '_RETURN' AND ${ofRelation}`,
  `SELECT ${steady('pg_get_triggerdef(t.oid)')} || CASE t.tgenabled WHEN 'O' THEN '' ELSE ' enabled ' || t.tgenabled::text END
   FROM pg_catalog.pg_trigger t JOIN ${relation} ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND ${ofRelation}`,
  `SELECT 'policy ' || p.polname || ' on ' || ${called} || ' ' || p.polcmd::text || CASE WHEN p.polpermissive THEN '' ELSE ' restrictive' END
     || coalesce(' using ' || ${steady('pg_get_expr(p.polqual, p.polrelid)')}, '')
     || coalesce(' check ' || ${steady('pg_get_expr(p.polwithcheck, p.polrelid)')}, '')
   FROM pg_catalog.pg_policy p JOIN ${relation} ON c.oid = p.polrelid WHERE ${ofRelation}`,
  `SELECT CASE WHEN p.prokind = 'a'
     THEN 'aggregate ' || p.oid::regprocedure || ' by ' || a.aggtransfn || ' to ' || a.aggfinalfn || coalesce(' from ' || a.agginitval, '')
     ELSE pg_get_functiondef(p.oid) END
   FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace LEFT JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid
   WHERE ${ours('n.nspname')} AND ${notOfExtension('pg_proc', 'p.oid')}
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend i WHERE i.classid = 'pg_catalog.pg_proc'::regclass AND i.objid = p.oid AND i.deptype = 'i')`,
  `SELECT 'type ' || t.oid::regtype || ' ' || t.typtype::text
     || coalesce((SELECT ' of ' || string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid), '')
     || CASE WHEN t.typtype = 'd' THEN ' of ' || format_type(t.typbasetype, t.typtypmod) ELSE '' END
     || CASE WHEN t.typnotnull THEN ' not null' ELSE '' END || coalesce(' default ' || t.typdefault, '')
     || coalesce((SELECT ' of ' || r.rngsubtype::regtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid), '')
   FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
   WHERE (t.typtype IN ('d', 'e', 'r') OR t.typtype = 'c' AND c.relkind = 'c' OR t.typtype = 'b' AND t.typelem = 0)
   AND ${ours('n.nspname')} AND ${notOfExtension('pg_type', 't.oid')}`,
  // What is rare is only counted as being there.
  ...[
    ...[
      'pg_operator',
      'pg_cast',
      'pg_collation',
      'pg_conversion',
      'pg_opclass',
      'pg_opfamily',
      'pg_transform',
      'pg_language',
    ],
    ...[
      'pg_ts_config',
      'pg_ts_dict',
      'pg_ts_parser',
      'pg_ts_template',
      'pg_statistic_ext',
      'pg_publication',
      'pg_foreign_server',
    ],
    ...['pg_foreign_data_wrapper', 'pg_event_trigger', 'pg_am'],
  ].map(
    // Numbers below 16384 are the server's own.
    (catalog) => `SELECT i.type || ' ' || i.identity FROM pg_catalog.${catalog} x,
     pg_identify_object('pg_catalog.${catalog}'::regclass, x.oid, 0) i
   WHERE x.oid >= 16384 AND ${notOfExtension(catalog, 'x.oid')}`,
  ),
  `SELECT 'comment on ' || i.type || ' ' || i.identity || ': ' || d.description
   FROM pg_catalog.pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) i
   WHERE d.objoid >= 16384 AND i.type <> 'extension' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
     WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e')`,
]

export const definitions = queries
  .map((query) => `SELECT json_build_object('definition', line) FROM (${query}) AS all_of_them (line);`)
  .join('\n')
