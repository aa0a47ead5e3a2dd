//! The words of SQL. Names come from the schema's setting (quoted) and from numbers of tables; what
//! messages say is only ever a parameter.

use std::fmt::Write;

/// The shard that owns everything, until subjects are spread over several.
pub const SHARD: i32 = 0;

/// True of the statement's transaction while this process is the owner: a take-over that is under way
/// is waited for, and one that is done leaves no row. Parameters: shard, epoch.
pub const OWN: &str =
    "own AS MATERIALIZED (SELECT 1 FROM {s}.owner WHERE shard = $1 AND epoch = $2 FOR SHARE)";

/// The columns of a table of messages, in the order of [`super::rows::Columns::params`].
pub const COLUMNS: &str = "(id, published_at, expires_at, size, is_latest, subject, headers, body)";

/// A select list of parameters that are one array for each column, the first of them of that number: a
/// row for each place in them. As a list it costs half of what it does as a function in FROM, where the
/// server lays each array down as a table first.
pub fn arrays(first: usize) -> String {
    let types = ["bigint", "bigint", "bigint", "int", "bool", "bytea", "bytea", "bytea"];
    let each = types.iter().enumerate().map(|(at, of)| format!("unnest(${}::{of}[])", first + at));
    each.collect::<Vec<_>>().join(", ")
}

/// Statements over one schema and a set of tables.
#[derive(Debug)]
pub struct Statements {
    schema: String,
}

/// A schema's name as SQL has it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Statements {
    /// Over that schema.
    pub fn new(schema: &str) -> Self {
        Self { schema: quoted(schema) }
    }

    /// Puts the schema's name where the text says `{s}`, and the owner's condition where it says `{own}`.
    pub fn of(&self, text: &str) -> String {
        text.replace("{own}", OWN).replace("{s}", &self.schema)
    }

    /// A table of messages.
    pub fn table(&self, number: i64) -> String {
        format!("{}.messages_{number}", self.schema)
    }

    /// The text once for each table (where it says `{t}`), joined to one.
    fn all_of(&self, tables: &[i64], text: &str) -> String {
        let mut all = String::new();
        for (n, number) in tables.iter().enumerate() {
            let union = if n == 0 { "" } else { " UNION ALL " };
            let part = text.replace("{t}", &self.table(*number));
            let _ = write!(all, "{union}({part})");
        }
        all
    }

    /// Keeps messages, none of which is there: shard, epoch, and one array for each column.
    pub fn insert(&self, table: i64) -> String {
        let text =
            format!("WITH {{own}} INSERT INTO {{t}} {COLUMNS} SELECT {} FROM own", arrays(3));
        self.of(&text.replace("{t}", &self.table(table)))
    }

    /// The same, of messages some of which may be there: those stay as they are. It takes twice as long.
    pub fn insert_missing(&self, table: i64) -> String {
        self.insert(table) + " ON CONFLICT (subject, id) DO NOTHING"
    }

    /// A table of messages and what finds them.
    pub fn create_table(&self, number: i64) -> String {
        let text = "CREATE TABLE {t} (id bigint NOT NULL, published_at bigint NOT NULL, \
            expires_at bigint, size int NOT NULL, is_latest bool, subject bytea NOT NULL, \
            headers bytea NOT NULL, body bytea NOT NULL, \
            PRIMARY KEY (subject, id) INCLUDE (expires_at, size)) WITH (fillfactor = 100); \
            CREATE INDEX ON {t} (published_at) WHERE is_latest";
        text.replace("{t}", &self.table(number))
    }

    /// The latest time that tables know; one row, `NULL` for none.
    pub fn latest(&self, tables: &[i64]) -> Option<String> {
        let one = "SELECT max(published_at) AS at FROM {t} WHERE is_latest";
        (!tables.is_empty())
            .then(|| format!("SELECT max(at) FROM ({}) AS t", self.all_of(tables, one)))
    }

    /// Messages by subject and id: arrays of both, then most bytes. Rows: place in the arrays from 1, the
    /// message, and whether it fits: from the first place on that does not (never the first that has a
    /// message) bodies and headers are left out.
    pub fn fetch(&self, tables: &[i64]) -> Option<String> {
        let one = "SELECT id, published_at, expires_at, size, headers, body FROM {t} \
            WHERE subject = asked.subject AND id = asked.id";
        (!tables.is_empty()).then(|| {
            format!(
                "SELECT place, id, published_at, expires_at, CASE WHEN fits THEN headers END, \
                 CASE WHEN fits THEN body END, fits FROM (SELECT place, m.*, \
                 sum(m.size) OVER up_to <= $3::bigint OR place = first_value(place) OVER up_to AS fits \
                 FROM unnest($1::bytea[], $2::bigint[]) WITH ORDINALITY \
                 AS asked (subject, id, place) CROSS JOIN LATERAL ({}) AS m \
                 WINDOW up_to AS (ORDER BY place)) AS found",
                self.all_of(tables, one)
            )
        })
    }

    /// A page of messages that are all light: subject, after, most rows, and the largest size. Of a larger
    /// message headers and body are `NULL`, so the page is bounded by the two numbers.
    pub fn light_page(&self, tables: &[i64]) -> Option<String> {
        let one = "SELECT id, published_at, expires_at, \
            CASE WHEN size <= $4 THEN headers END AS headers, \
            CASE WHEN size <= $4 THEN body END AS body \
            FROM {t} WHERE subject = $1 AND id > $2 ORDER BY id LIMIT $3";
        (!tables.is_empty()).then(|| {
            format!("SELECT * FROM ({}) AS t ORDER BY id LIMIT $3", self.all_of(tables, one))
        })
    }

    /// A page: subject, after, most bytes, most rows, bytes that each row counts beside its size.
    pub fn page(&self, tables: &[i64]) -> Option<String> {
        let one = "SELECT id, published_at, expires_at, size, headers, body FROM {t} \
            WHERE subject = $1 AND id > $2 ORDER BY id LIMIT $4";
        (!tables.is_empty()).then(|| {
            format!(
                "SELECT id, published_at, expires_at, headers, body FROM (SELECT *, \
                 sum(size + $5::int) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING \
                 AND 1 PRECEDING) AS before FROM ({}) AS t ORDER BY id LIMIT $4) AS page \
                 WHERE before IS NULL OR before < $3::bigint",
                self.all_of(tables, one)
            )
        })
    }

    /// The last ids of subjects: an array. Rows: place from 1, last id or `NULL`.
    pub fn last_ids(&self, tables: &[i64]) -> String {
        format!(
            "SELECT place, ({}) FROM unnest($1::bytea[]) WITH ORDINALITY AS asked (subject, place)",
            self.last_id(tables, "asked.subject")
        )
    }

    /// An expression for the last id of a subject; `NULL` for none.
    fn last_id(&self, tables: &[i64], subject: &str) -> String {
        let gone =
            format!("SELECT last_id FROM {}.subjects WHERE subject = {subject}", self.schema);
        let mut all = format!("({gone})");
        for number in tables {
            let table = self.table(*number);
            let _ = write!(
                all,
                ", (SELECT id FROM {table} WHERE subject = {subject} ORDER BY id DESC LIMIT 1)"
            );
        }
        format!("greatest({all})")
    }

    /// Counts ranges: arrays of subjects, after and up to; then now and most rows of each range. Rows:
    /// place from 1, rows seen, and of those that live: count, bytes, least expiry; then the last id seen.
    pub fn tally(&self, tables: &[i64]) -> Option<String> {
        let one = "SELECT id, expires_at, size FROM {t} WHERE subject = asked.subject \
            AND id > asked.after AND id <= asked.up_to ORDER BY id LIMIT $5";
        let living = "FILTER (WHERE m.expires_at IS NULL OR m.expires_at > $4)";
        (!tables.is_empty()).then(|| {
            format!(
                "SELECT place, count(m.id), count(m.id) {living}, \
                 coalesce(sum(m.size) {living}, 0)::bigint, min(m.expires_at) {living}, max(m.id) \
                 FROM unnest($1::bytea[], $2::bigint[], $3::bigint[]) WITH ORDINALITY \
                 AS asked (subject, after, up_to, place) LEFT JOIN LATERAL \
                 (SELECT * FROM ({}) AS t ORDER BY id LIMIT $5) AS m ON true GROUP BY place",
                self.all_of(tables, one)
            )
        })
    }

    /// Subjects and their last ids: from, and how many at most.
    pub fn subjects(&self, tables: &[i64], includes_first: bool) -> String {
        let next = |comparison: &str| {
            let one = format!(
                "SELECT subject FROM {{t}} WHERE subject {comparison} ORDER BY subject LIMIT 1"
            );
            let gone = one.replace("{t}", &format!("{}.subjects", self.schema));
            let union = if tables.is_empty() { "" } else { " UNION ALL " };
            format!(
                "SELECT subject FROM ({}{union}({gone})) AS t ORDER BY subject LIMIT 1",
                self.all_of(tables, &one)
            )
        };
        format!(
            "WITH RECURSIVE walk (subject, n) AS (SELECT ({}), 1::bigint UNION ALL \
             SELECT ({}), n + 1 FROM walk WHERE subject IS NOT NULL AND n < $2) \
             SELECT subject, {} FROM walk WHERE subject IS NOT NULL",
            next(if includes_first { ">= $1" } else { "> $1" }),
            next("> walk.subject"),
            self.last_id(tables, "walk.subject"),
        )
    }

    /// Writes down a subject's last id before its messages are removed: shard, epoch, subject.
    pub fn remember(&self, tables: &[i64]) -> String {
        let last = self.last_id(tables, "$3::bytea");
        self.of(&format!(
            "WITH {{own}} INSERT INTO {{s}}.subjects AS s (subject, last_id) SELECT $3::bytea, last \
             FROM (SELECT {last} AS last) AS known WHERE last IS NOT NULL AND EXISTS (SELECT FROM own) \
             ON CONFLICT (subject) DO UPDATE SET last_id = excluded.last_id \
             WHERE s.last_id < excluded.last_id"
        ))
    }

    /// Removes messages: shard, epoch, subject, up to, most rows.
    pub fn purge(&self, table: i64) -> String {
        let text = "WITH {own} DELETE FROM {t} WHERE subject = $3 AND id = ANY (ARRAY( \
            SELECT id FROM {t} WHERE subject = $3 AND id <= $4 ORDER BY id LIMIT $5)) \
            AND EXISTS (SELECT FROM own)";
        self.of(&text.replace("{t}", &self.table(table)))
    }

    /// Merges last ids of a table's subjects: shard, epoch, the subject to go on after, most subjects.
    /// One row: whether this is the owner, how many subjects there were, the last of them.
    pub fn merge(&self, table: i64) -> String {
        let text = "WITH RECURSIVE {own}, walk (subject, n) AS ( \
            SELECT (SELECT subject FROM {t} WHERE subject > $3 ORDER BY subject LIMIT 1), 1::bigint \
            UNION ALL SELECT (SELECT subject FROM {t} WHERE subject > walk.subject \
            ORDER BY subject LIMIT 1), n + 1 FROM walk WHERE subject IS NOT NULL AND n < $4), \
            merged AS (INSERT INTO {s}.subjects AS s (subject, last_id) SELECT subject, \
            (SELECT id FROM {t} WHERE subject = walk.subject ORDER BY id DESC LIMIT 1) FROM walk \
            WHERE subject IS NOT NULL AND EXISTS (SELECT FROM own) \
            ON CONFLICT (subject) DO UPDATE SET last_id = excluded.last_id \
            WHERE s.last_id < excluded.last_id) \
            SELECT EXISTS (SELECT FROM own), (SELECT count(subject) FROM walk), \
            (SELECT subject FROM walk WHERE subject IS NOT NULL ORDER BY n DESC LIMIT 1)";
        self.of(&text.replace("{t}", &self.table(table)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_of_any_name_is_one_name() {
        assert_eq!(quoted("a\"; DROP TABLE x; --"), "\"a\"\"; DROP TABLE x; --\"");
        assert_eq!(Statements::new("Ab").table(7), "\"Ab\".messages_7");
    }

    #[test]
    fn without_tables_there_is_nothing_to_ask() {
        let statements = Statements::new("s");
        assert_eq!((statements.page(&[]), statements.light_page(&[])), (None, None));
        assert!(statements.last_ids(&[]).contains("\"s\".subjects"));
    }

    #[test]
    fn every_table_is_asked() {
        let statements = Statements::new("s");
        let tables = [3, 11, 12];
        let texts = [
            statements.page(&tables).unwrap(),
            statements.light_page(&tables).unwrap(),
            statements.fetch(&tables).unwrap(),
            statements.tally(&tables).unwrap(),
            statements.last_ids(&tables),
            statements.subjects(&tables, true),
            statements.remember(&tables),
        ];
        for text in texts {
            for number in tables {
                assert!(text.contains(&format!("\"s\".messages_{number} ")), "{text}");
            }
        }
    }
}
