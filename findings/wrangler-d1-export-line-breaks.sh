#!/bin/sh
# Versions: wrangler 4.155.0 (local), Node 24.21.0.
# Guess: what `wrangler d1 export` writes makes the same rows again, whatever text is in them.
# Seen: a text that has a line break is written as replace('…','\n',char(10)); if it also holds a backslash before
#   an n, as a path or a regular expression may, those two characters come back as a second line break. The same
#   text without a line break comes back as it was. Nothing is said. sqlite3's own .dump does not do that: it
#   looks for a mark that the text does not hold.
# Cost: a backup that loads without an error, and notes of members that are not what they wrote.
# So: docs/restore.md names the exception; a local backup reads the rows itself and has none.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --prefix "$dir" --silent wrangler@4.155.0
cat > "$dir/wrangler.toml" <<'TOML'
name = "notes"
compatibility_date = "2026-09-01"
[[d1_databases]]
binding = "DB"
database_name = "notes"
database_id = "00000000-0000-4000-8000-000000000000"
TOML
cat > "$dir/rows.sql" <<'SQL'
CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
INSERT INTO notes VALUES (1, 'C:\new');
INSERT INTO notes VALUES (2, 'C:\new' || char(10) || 'second line');
SQL
cat > "$dir/finding.mjs" <<'JS'
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

function rowsOf(file) {
  const db = new DatabaseSync(':memory:')
  db.exec(readFileSync(file, 'utf8'))
  return db.prepare('SELECT id, text FROM notes ORDER BY id').all()
}

for (const [name, file] of [['stored', 'rows.sql'], ['exported', 'exported.sql']])
  for (const { id, text } of rowsOf(file)) console.log(`${name} ${id}: ${JSON.stringify(text)}`)
JS
cd "$dir"
export WRANGLER_SEND_METRICS=false
npx wrangler d1 execute DB --local --file rows.sql > log 2>&1 || { cat log; exit 1; }
npx wrangler d1 export DB --local --output exported.sql > log 2>&1 || { cat log; exit 1; }
node finding.mjs > seen
diff - seen <<'SEEN'
stored 1: "C:\\new"
stored 2: "C:\\new\nsecond line"
exported 1: "C:\\new"
exported 2: "C:\new\nsecond line"
SEEN
echo 'wrangler-d1-export-line-breaks: as it was seen'
