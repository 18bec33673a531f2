/**
 * `npm run test:calendars`: has programs that others use read what this site gives to calendars: a feed,
 * the file of one booking and the message of a mail. They have to find every entry and agree about its
 * times, on the nights clocks change, too. ical.js and node-ical are installed into a cache; khal,
 * python3-icalendar and libical are Debian's: apt-get install khal python3-icalendar python3-gi gir1.2-ical-3.0
 */
import { deepStrictEqual } from 'node:assert'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { calendarOf, type Entry, feedOf, messageOf } from '../../../src/calendar/entries.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const CACHE = join(ROOT, 'node_modules/.cache/guildhall/calendars')
const PACKAGES = { 'ical.js': '2.2.1', 'node-ical': '0.27.2' }

/** An entry as a program has read it: times are seconds since the epoch. */
type Read = readonly (readonly [uid: string, start: number, end: number])[]
type Reader = (text: string) => Read

/** In Berlin the hour after 02:00 is there twice, and not at all; in Sydney the year is turned round. */
const STARTS = [
  '2026-10-24T23:30:00.000Z',
  '2026-10-25T00:30:00.000Z',
  '2026-10-25T01:30:00.000Z',
  '2027-03-28T00:30:00.000Z',
  '2027-03-28T01:30:00.000Z',
  '2027-04-03T15:30:00.000Z',
  '2027-07-01T10:00:00.000Z',
  '2027-10-02T16:30:00.000Z',
]
const STATUSES = ['pending', 'confirmed', 'declined', 'canceled'] as const
const HOUR_MS = 3_600_000

const ENTRIES = STARTS.map((startsAt, index): Entry => ({
  id: `bkg_${String(index).padStart(26, '0')}`,
  startsAt,
  endsAt: new Date(Date.parse(startsAt) + HOUR_MS).toISOString(),
  status: STATUSES[index % STATUSES.length] ?? 'pending',
  serviceName: 'Cut; wash, dry \\ 😀 bis 22 Uhr, auf der langen Treppe hinter dem Haus',
  note: 'Line 1\nLine 2: "x";',
  revision: index + 1,
  createdAt: '2026-09-01T10:00:00.000Z',
  updatedAt: '2026-09-02T10:00:00.000Z',
}))

const expected = (entries: readonly Entry[]): Read =>
  entries.map(({ id, startsAt, endsAt }) => [id, seconds(startsAt), seconds(endsAt)])

function seconds(at: string | Date): number {
  return new Date(at).getTime() / 1000
}

interface IcalJs {
  readonly parse: (text: string) => unknown
  readonly Component: new (parsed: unknown) => { getAllSubcomponents(name: string): unknown[] }
  readonly Event: new (event: unknown) => {
    readonly uid: string
    readonly startDate: { toJSDate(): Date }
    readonly endDate: { toJSDate(): Date }
  }
}

interface NodeIcal {
  readonly sync: {
    parseICS(
      text: string,
    ): Readonly<
      Record<
        string,
        { readonly type: string; readonly uid: string; readonly start: Date; readonly end: Date }
      >
    >
  }
}

/** A package that is not this project's, and so has no types here; what is used of it is named above. */
function installed<Package>(name: string): Package {
  const found: unknown = createRequire(join(CACHE, 'package.json'))(name)
  const hasDefault = typeof found === 'object' && found !== null && 'default' in found
  return (hasDefault ? found.default : found) as Package
}

function byIcalJs(text: string): Read {
  const { parse, Component, Event } = installed<IcalJs>('ical.js')
  return new Component(parse(text)).getAllSubcomponents('vevent').map((each) => {
    const { uid, startDate, endDate } = new Event(each)
    return [uid, seconds(startDate.toJSDate()), seconds(endDate.toJSDate())]
  })
}

function byNodeIcal(text: string): Read {
  const { sync } = installed<NodeIcal>('node-ical')
  return Object.values(sync.parseICS(text))
    .filter(({ type }) => type === 'VEVENT')
    .map(({ uid, start, end }) => [uid, seconds(start), seconds(end)])
}

const byPython =
  (library: string): Reader =>
  (text) => {
    const script = fileURLToPath(new URL('./read.py', import.meta.url))
    const options = { input: text, encoding: 'utf8' } as const
    return asRead(JSON.parse(execFileSync('/usr/bin/python3', [script, library], options)))
  }

/** What `read.py` prints. */
function asRead(value: unknown): Read {
  return value as Read
}

/** Imports the file into a calendar of its own, and lists what is in it. */
function byKhal(text: string): Read {
  const dir = mkdtempSync(join(tmpdir(), 'guildhall-khal-'))
  try {
    mkdirSync(join(dir, 'calendar'))
    const config = join(dir, 'config')
    writeFileSync(
      config,
      `[calendars]\n[[one]]\npath = ${join(dir, 'calendar')}\ntype = calendar\n` +
        `[sqlite]\npath = ${join(dir, 'khal.db')}\n[locale]\nlocal_timezone = UTC\n` +
        'default_timezone = UTC\ntimeformat = %H:%M\ndateformat = %d.%m.\nlongdateformat = %Y-%m-%d\n' +
        'datetimeformat = %d.%m. %H:%M\nlongdatetimeformat = %Y-%m-%dT%H:%M\n[default]\ndefault_calendar = one\n',
    )
    const khal = (...args: string[]) =>
      execFileSync('khal', ['--config', config, ...args], { encoding: 'utf8', cwd: dir })
    writeFileSync(join(dir, 'file.ics'), text)
    khal('import', '--batch', '-a', 'one', 'file.ics')
    const format = '{uid}|{start-long-full}|{end-long-full}'
    const listed = khal(
      'list',
      '--notstarted',
      '--once',
      '--day-format',
      '',
      '--format',
      format,
      '2026-10-01',
      '400d',
    )
    const lines = listed.split('\n').filter((line) => line.includes('|'))
    return lines.map((line) => {
      const [uid = '', start = '', end = ''] = line.trim().split('|')
      return [uid, seconds(`${start}:00Z`), seconds(`${end}:00Z`)]
    })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const READERS: Readonly<Record<string, Reader>> = {
  'ical.js': byIcalJs,
  'node-ical': byNodeIcal,
  khal: byKhal,
  'python3-icalendar': byPython('icalendar'),
  libical: byPython('libical'),
}

const [first] = ENTRIES
if (!first) throw new Error('there is no entry')
const mail = {
  method: 'REQUEST',
  from: { name: 'Yoga, "more"', email: 'site@members.example' },
  to: 'ada@example.com',
} as const
const FILES = [
  { name: 'a feed', text: feedOf('Yoga; more', ENTRIES), entries: ENTRIES },
  { name: 'the file of a booking', text: calendarOf(first), entries: [first] },
  { name: 'the message of a mail', text: messageOf(first, mail), entries: [first] },
]

mkdirSync(CACHE, { recursive: true })
writeFileSync(
  join(CACHE, 'package.json'),
  JSON.stringify({ private: true, dependencies: PACKAGES }),
)
execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund'], {
  cwd: CACHE,
  stdio: 'inherit',
})
for (const [reader, read] of Object.entries(READERS)) {
  for (const { name, text, entries } of FILES) {
    deepStrictEqual(read(text), expected(entries), `${reader} reads ${name} as something else`)
  }
  console.log(`${reader}: ${FILES.map(({ name }) => name).join(', ')}`)
}
