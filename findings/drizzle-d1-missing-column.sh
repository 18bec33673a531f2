#!/bin/sh
# Versions: drizzle-orm 0.45.4 (its D1 driver), miniflare 5.20261023.2-beta with workerd 1.20261023.1.
# Guess: code that knows a column which the database does not have yet fails with "no such column".
# Seen: a select of one table answers the *name* of the column in every row. drizzle writes "color" in double
#   quotes and without its table where there is one table only, and SQLite in D1 takes a quoted name that it
#   does not know for a string. With a condition, or a second table, the column is qualified and D1 refuses it.
# Cost: a Worker that is deployed before its migration shows and stores 'color' as if it were data.
# Here: migrations are applied before the deployment, and a test compares src/db/schema.ts with the database.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --prefix "$dir" --silent --ignore-scripts drizzle-orm@0.45.4 miniflare@5.20261023.2-beta
cat > "$dir/finding.mjs" <<'JS'
import { eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'

const script = 'export default { fetch: () => new Response() }'
const miniflare = new Miniflare(convertV4MiniflareOptions({ modules: true, script, d1Databases: ['DB'] }))
const d1 = await miniflare.getD1Database('DB')
await d1.exec("create table notes (body text); insert into notes values ('hello')")
const db = drizzle(d1)
const notes = sqliteTable('notes', { body: text(), color: text() })

async function attempt(name, query) {
  const outcome = await query.then(JSON.stringify, (error) => error.cause.message)
  console.log(`${name}: ${outcome}`)
}

await attempt('read', db.select().from(notes))
await attempt('read by it', db.select({ body: notes.body }).from(notes).where(eq(notes.color, 'red')))
await miniflare.dispose()
JS
node "$dir/finding.mjs" > "$dir/seen"
diff - "$dir/seen" <<'SEEN'
read: [{"body":"hello","color":"color"}]
read by it: D1_ERROR: no such column: notes.color at offset 33: SQLITE_ERROR
SEEN
echo 'drizzle-d1-missing-column: as it was seen'
