/**
 * `npm run audit:verify`: holds the audit log against its seals. Files of the archive verify by
 * themselves, by the keys in them; the log of a site is gone through by the site, over HTTP.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import * as z from 'zod'
import {
  type Claims,
  faultIn,
  nameOfFile,
  openSeal,
  readFile,
} from '../src/security/audit-chain.ts'
import { called } from './called.ts'
import { DEV_ROOT, sign } from './dev-issuer.ts'
import { Refusal } from './refusal.ts'
import { siteStateDir } from './state.ts'
import { withSite } from './with-site.ts'

const USAGE = `usage: npm run audit:verify -- [<file or folder>] [--site <url>]

  <file or folder>  of the archive; without one, the log of the local site
  --site            the log of a deployed site, with TOKEN in the environment: an API key or a token
                    with the permission audit:read`

const Answer = z.object({
  stretches: z.number(),
  entries: z.number(),
  removed: z.number(),
  unread: z.number(),
  fault: z
    .object({ stretch: z.number(), what: z.string(), entry: z.string().optional() })
    .nullable(),
  next: z.number().nullable(),
})

interface Result {
  readonly stretches: number
  readonly entries: number
  readonly removed: number
  /** What else there is to say. */
  readonly notes: readonly string[]
  /** What is wrong: files that the archive lacks, and the first thing else. */
  readonly faults: readonly string[]
}

function readArguments() {
  const options = { site: { type: 'string' } } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const [path, ...rest] = positionals
  const { site } = values
  if (rest.length > 0 || (path && site !== undefined)) return undefined
  if (site !== undefined && !/^https?:$/.test(URL.parse(site)?.protocol ?? ''))
    throw new Refusal(`--site ${site}: expected an address, as in https://members.example`)
  return { path, site }
}

function faultText(stretch: number | string, what: string, entry: string | undefined): string {
  return `stretch ${stretch}: ${what}${entry === undefined ? '' : `, entry ${entry}`}`
}

/** @throws Refusal if the site does not answer it, or something else is there */
async function asked(url: string, from: number, token: string): Promise<z.infer<typeof Answer>> {
  const headers = { Authorization: `Bearer ${token}` }
  const response = await fetch(`${url}/v1/audit/verify?from=${from}`, { headers }).catch(
    (error: unknown) => {
      const { cause } = error instanceof Error ? error : {}
      const why = cause instanceof Error ? cause.message || cause.name : 'no reason given'
      throw new Refusal(`${url} does not answer: ${why.trim()}`)
    },
  )
  const text = await response.text()
  if (!response.ok) throw new Refusal(`${url} answered ${response.status}: ${text.slice(0, 500)}`)
  try {
    return Answer.parse(JSON.parse(text))
  } catch {
    throw new Refusal(`${url} is no site of Guildhall, or one of another version`)
  }
}

/** @throws Refusal if the site does not answer it */
async function overHttp(url: string, token: string): Promise<Result> {
  const so = { stretches: 0, entries: 0, removed: 0, unread: 0 }
  const faults: string[] = []
  let from: number | null = 1
  while (from !== null) {
    const answer = await asked(url, from, token)
    so.stretches += answer.stretches
    so.entries += answer.entries
    so.removed += answer.removed
    so.unread += answer.unread
    from = answer.next
    if (!answer.fault) continue
    const { stretch, what, entry } = answer.fault
    if (what === 'file') {
      const name = nameOfFile({ number: stretch, head: '' }).replace('-.', '-….')
      faults.push(`stretch ${stretch}: the archive has no ${name} as it was written`)
      // What is behind it can still be held against its seals.
      from = stretch + 1
    } else faults.push(faultText(stretch, what, entry))
  }
  const notes =
    so.unread > 0 ? [`${so.unread} of them are cleared: their files are to be verified, too`] : []
  return { ...so, notes, faults }
}

/** @throws Refusal if there are none */
async function inFiles(path: string): Promise<Result> {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory()
  if (isFolder === undefined) throw new Refusal(`${path} is not there`)
  const found = isFolder
    ? readdirSync(path, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.jsonl'))
        .toSorted()
        .map((name) => join(path, name))
    : [path]
  if (found.length === 0) throw new Refusal(`${path} has no file of an archive`)
  const so = { stretches: 0, entries: 0, removed: 0 }
  const notes: string[] = []
  const keys = new Set<string>()
  const sealed: Claims[] = []
  for (const file of found) {
    const outcome = await inFile(file)
    if ('fault' in outcome) return { ...so, notes, faults: [outcome.fault] }
    const { claims, key } = outcome
    const isItsOwn = !isFolder || basename(file) === basename(nameOfFile(claims))
    const fault = isItsOwn
      ? outOfOrder(claims, sealed)
      : `${file} has stretch ${claims.number} in it, which is another one's`
    if (fault !== undefined) return { ...so, notes, faults: [fault] }
    if (sealed.some(({ head }) => head === claims.head)) {
      notes.push(`${file} is a copy, and not counted`)
      continue
    }
    if (sealed.some(({ number }) => number === claims.number))
      notes.push(`stretch ${claims.number} is there twice: the database was put back to before it`)
    sealed.push(claims)
    keys.add(key)
    so.stretches += 1
    so.entries += outcome.entries
    so.removed += outcome.removed
  }
  const [first] = sealed
  if (first && first.number > 1) notes.push(`what is before stretch ${first.number} is not there`)
  notes.push(`signed with ${[...keys].join(', ')}: whether these are the site's is for you to know`)
  return { ...so, notes, faults: [] }
}

/** Every stretch follows one that was read before it; only the first may follow one that is not there. */
function outOfOrder(claims: Claims, sealed: readonly Claims[]): string | undefined {
  const isStart = claims.number === 1 ? claims.previous === '' : sealed.length === 0
  const follows = sealed.some(
    ({ number, head, until }) =>
      number === claims.number - 1 && head === claims.previous && until === claims.after,
  )
  if (isStart || follows) return undefined
  const { number } = claims
  return sealed.some((each) => each.number === number - 1)
    ? faultText(number, 'order', undefined)
    : `the file of stretch ${number - 1} is not there, and that of stretch ${number} is`
}

async function inFile(file: string) {
  try {
    const stretch = readFile(readFileSync(file, 'utf8'))
    const opened = await openSeal(stretch.signed)
    if (!opened) return { fault: faultText(`in ${file}`, 'signature', undefined) }
    const { claims, signer } = opened
    const wrong = await faultIn(claims, stretch)
    if (wrong) return { fault: faultText(claims.number, wrong.what, wrong.entry) }
    const removed = stretch.entries.filter(({ removed }) => removed !== null).length
    return { claims, key: signer.kid, entries: stretch.entries.length, removed }
  } catch (error) {
    const why = error instanceof Error && error.message === 'the file is cut' ? ': cut' : ''
    return { fault: `${file} is no file of an archive${why}` }
  }
}

async function verify({ path, site }: NonNullable<ReturnType<typeof readArguments>>) {
  if (path) return inFiles(path)
  if (site !== undefined) {
    const token = process.env['TOKEN']
    if (!token) throw new Refusal('TOKEN is not set')
    return overHttp(site.replace(/\/$/, ''), token)
  }
  const stateDir = siteStateDir()
  const token = await sign(stateDir, DEV_ROOT, {}, 3600)
  return withSite(stateDir, async (url) => overHttp(url, token))
}

const given = called(USAGE, readArguments)

try {
  const { stretches, entries, removed, notes, faults } = await verify(given)
  console.log(`${entries} entries in ${stretches} stretches are as they were sealed`)
  if (stretches === 0 && faults.length === 0)
    console.log('nothing is sealed yet: a tick seals entries half an hour after they were written')
  if (removed > 0) console.log(`of ${removed} of them something was removed`)
  for (const note of notes) console.log(note)
  for (const fault of faults) console.error(`Not as it was sealed: ${fault}`)
  if (faults.length > 0) process.exitCode = 1
} catch (error) {
  console.error('Not verified:', error instanceof Refusal ? error.message : error)
  process.exitCode = 1
}
