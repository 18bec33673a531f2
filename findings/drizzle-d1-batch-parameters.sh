#!/bin/sh
# Versions: drizzle-orm 0.45.4 (its D1 driver), miniflare 5.20261023.2-beta with workerd 1.20261023.1.
# Guess: what `db.run(sql`…`)` does by itself it does in `db.batch([…])`, as the builder's statements do.
# Seen: with a parameter in it the batch throws a TypeError before anything is sent; without one, or awaited
#   by itself, the same statement works. The driver binds a batch's parameters to a statement that it has only
#   prepared for queries of the builder. The types accept all of it.
# Cost: guarded writes (`insert … select … where`) cannot be built otherwise, and a batch is D1's only transaction.
# Here: `statement` and `rows` of src/db/client.ts prepare such a query before it goes into a batch.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --prefix "$dir" --silent --ignore-scripts drizzle-orm@0.45.4 miniflare@5.20261023.2-beta
cat > "$dir/finding.mjs" <<'JS'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'

const script = 'export default { fetch: () => new Response() }'
const miniflare = new Miniflare(convertV4MiniflareOptions({ modules: true, script, d1Databases: ['DB'] }))
const d1 = await miniflare.getD1Database('DB')
await d1.exec('create table notes (body text)')
const db = drizzle(d1)

async function attempt(name, work) {
  const outcome = await work().then(
    () => 'done',
    (error) => error.constructor.name,
  )
  const rows = await db.all(sql`select body from notes`)
  console.log(`${name}: ${outcome}, ${rows.length} rows`)
}

await attempt('by itself', async () => db.run(sql`insert into notes (body) values (${'one'})`))
await attempt('in a batch', async () => db.batch([db.run(sql`insert into notes (body) values (${'two'})`)]))
await attempt('in a batch, no parameter', async () => db.batch([db.run(sql`insert into notes (body) values ('three')`)]))
await miniflare.dispose()
JS
node "$dir/finding.mjs" > "$dir/seen"
diff - "$dir/seen" <<'SEEN'
by itself: done, 1 rows
in a batch: TypeError, 1 rows
in a batch, no parameter: done, 2 rows
SEEN
echo 'drizzle-d1-batch-parameters: as it was seen'
