/**
 * better-auth as people run it: on Node, over SQLite, with its own settings for speed (write-ahead log,
 * sessions kept in a signed cookie for five minutes, no limit of requests). Says its address to who forked it.
 */
import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'

const [file = ''] = process.argv.slice(2)
const database = new DatabaseSync(file)
database.exec('pragma journal_mode = wal; pragma synchronous = normal')

const options = {
  database,
  secret: 'a secret of this benchmark alone, thirty-two letters or more',
  emailAndPassword: { enabled: true },
  session: { cookieCache: { enabled: true, maxAge: 300 } },
  rateLimit: { enabled: false },
  advanced: { disableCSRFCheck: true },
  logger: { disabled: true },
} as const
const { runMigrations } = await getMigrations(options)
await runMigrations()

const answer = toNodeHandler(betterAuth(options))
const server = createServer((request, response) => {
  void answer(request, response)
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.(typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : undefined)
})
