public import Postgres

extension DatabaseAccess {
    /// What the server's catalogues say of these schemas, a line for each thing: columns in their order, with types and
    /// defaults, constraints, indexes, views, functions, triggers and storage settings. Numbers of segments are told as `n`.
    public func description(of schemas: [String]) async throws -> [String] {
        try await query(Catalogues.all, schemas) { try $0[0, as: String.self] }
    }
}

private enum Catalogues {
    static let all: Statement = """
        WITH wanted AS (SELECT oid, nspname FROM pg_namespace WHERE nspname = ANY ($1)),
        thing AS (
            SELECT c.*, w.nspname || '.' || c.relname AS path FROM pg_class c JOIN wanted w ON w.oid = c.relnamespace),
        found (line) AS (
            SELECT concat_ws(' ', 'relation', path, relkind, relpersistence, relreplident, reloptions::text, pg_get_expr(relpartbound, oid))
                FROM thing
            UNION ALL SELECT concat_ws(' ', 'column', path, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
                    pg_get_expr(d.adbin, d.adrelid))
                FROM thing t JOIN pg_attribute a ON a.attrelid = t.oid AND attnum > 0 AND NOT attisdropped
                LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = attnum
            UNION ALL SELECT concat_ws(' ', 'constraint', path, conname, pg_get_constraintdef(n.oid))
                FROM thing t JOIN pg_constraint n ON n.conrelid = t.oid
            UNION ALL SELECT 'index ' || pg_get_indexdef(oid) FROM thing WHERE relkind IN ('i', 'I')
            UNION ALL SELECT concat_ws(' ', 'view', path, pg_get_viewdef(oid)) FROM thing WHERE relkind = 'v'
            UNION ALL SELECT 'trigger ' || pg_get_triggerdef(g.oid) FROM thing t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT tgisinternal
            UNION ALL SELECT 'comment ' || path || ' ' || objsubid || ' ' || description
                FROM thing t JOIN pg_description s ON s.objoid = t.oid
            UNION ALL SELECT 'function ' || pg_get_functiondef(p.oid) || coalesce(proacl::text, '')
                FROM pg_proc p JOIN wanted w ON w.oid = pronamespace)
        SELECT DISTINCT regexp_replace(regexp_replace(line, '(messages|claims|completions)_[0-9]+', '\\1_n', 'g'),
            'FROM \\([^)]*\\) TO \\([^)]*\\)|SELECT \\(\\([0-9]+\\)', 'n', 'g') AS line FROM found ORDER BY line
        """
}
