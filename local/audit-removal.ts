/** What `npm run audit:remove` does: looks where the entry is, and asks for what the job then can do. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { type AuditId, newId } from '../src/db/ids.ts'
import { stretchOf } from '../src/repositories/audit-seals.ts'
import { readFile } from '../src/security/audit-chain.ts'
import type { Access } from './database.ts'
import { text } from './site-facts.ts'
import { Refusal } from './refusal.ts'
import type { Bucket } from './stores.ts'

export interface RemovalHands extends Pick<Access, 'query' | 'write'> {
  readonly archive: Pick<Bucket, 'get'>
}

const Place = z.object({
  isHere: z.number(),
  isDone: z.number(),
  number: z.number().nullable(),
  file: z.string().nullable(),
})

const Waiting = z.array(z.object({ id: z.string(), file: z.string().nullable() }))

/** @param temporary a folder. @returns what to tell. @throws Refusal, and nothing is asked for then */
export async function askRemoval(
  id: AuditId,
  { query, write, archive }: RemovalHands,
  temporary: string,
): Promise<string> {
  const [found] = await query(placeOf(id))
  const { isHere, isDone, number, file } = Place.parse(found)
  const done = `What is to be removed of ${id} is removed already.`
  if (isHere === 0 && file !== null) {
    const removed = await removedInFile(id, `stretch ${number}`, file, archive, temporary)
    // A file that was put back is of a time before, and has it again.
    if (isDone === 1 && removed) return done
  } else if (isDone === 1) return done
  else if (isHere === 0) throw new Refusal(`the log has no entry ${id}`)
  await write([request(id, Date.now())])
  return isHere === 1
    ? 'The job seal-audit removes it, once the entry is sealed.'
    : `The job seal-audit removes it from ${file}.`
}

/** Where the entry is now: in the database, or in the file of the cleared stretch that it belongs to. */
function placeOf(id: AuditId): string {
  return `with stretch as (
      select number, archived_as from audit_seals
      where number = ${stretchOf(text(id))} and cleared_at is not null)
    select exists (select 1 from audit_log where id = ${text(id)}) as "isHere",
      exists (select 1 from audit_removed where id = ${text(id)} and digest is not null) as "isDone",
      (select number from stretch) as number, (select archived_as from stretch) as file`
}

/**
 * Whether the file has nothing more of what is to be removed.
 * @throws Refusal if the file is not there, cannot be read, or has no such entry
 */
async function removedInFile(
  id: AuditId,
  stretch: string,
  name: string,
  archive: RemovalHands['archive'],
  temporary: string,
): Promise<boolean> {
  const file = join(temporary, 'stretch.jsonl')
  const missing = new Refusal(
    `${id} can only be in ${stretch}, which is cleared, and whose file ${name} cannot be read from the archive: put it back there, and ask again`,
  )
  await archive.get(name, file).catch((error: unknown) => {
    throw error instanceof Refusal ? missing : error
  })
  let read
  try {
    read = readFile(readFileSync(file, 'utf8'))
  } catch {
    throw missing
  }
  const entry = read.entries.find((each) => each.id === id)
  if (entry) return entry.removed !== null
  // It was sealed, and somebody has taken it out of the file.
  if (read.guide.some(([sealed]) => sealed === id)) throw missing
  throw new Refusal(`the log has no entry ${id}`)
}

function request(id: AuditId, now: number): string[] {
  return [
    `insert into audit_log (id, at, actor, action, target, reason, changes)
      select ${text(newId('aud', now))}, ${text(new Date(now).toISOString())}, 'system:operator',
        'audit.remove', ${text(id)}, 'npm run audit:remove', '{}'
      where not exists (select 1 from audit_removed where id = ${text(id)} and digest is null)`,
    `insert into audit_removed (id) values (${text(id)}) on conflict do update set digest = null`,
  ]
}

/** @returns the entries that are asked for and not done, and where each of them is looked for */
export async function waitingRemovals({ query }: RemovalHands): Promise<string> {
  const waiting = await query(
    `select asked.id as id, (select archived_as from audit_seals
        where number = ${stretchOf('asked.id')} and cleared_at is not null) as file
      from audit_removed asked where digest is null order by asked.id limit 1000`,
  )
  const lines = Waiting.parse(waiting).map(({ id, file }) =>
    file === null ? `${id}  until the job seal-audit runs` : `${id}  in the archive's ${file}`,
  )
  return lines.length === 0 ? 'Nothing waits.' : lines.join('\n')
}
