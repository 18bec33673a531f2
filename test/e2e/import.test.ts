/** Members are made of what other systems export, each by (issuer, subject), and nobody else is touched. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { readArguments } from '../../local/import-arguments.ts'
import { type Import, importMembers } from '../../local/import-members.ts'
import { remoteStores } from '../../local/import-remote.ts'
import { assertWritable, summaryOf } from '../../local/import-report.ts'
import { ROOT } from '../../local/root.ts'
import { identityHashOf } from '../../src/security/callers/identity-hash.ts'

const home = mkdtempSync(join(tmpdir(), 'guildhall-import-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const ISSUER = 'https://club.example.com/'
const FULL = Boolean(process.env['FULL'])
let db: DatabaseSync

beforeEach(() => {
  db = new DatabaseSync(':memory:')
  const folder = join(ROOT, 'migrations')
  for (const name of readdirSync(folder).toSorted())
    db.exec(readFileSync(join(folder, name), 'utf8'))
})

/** @param file its text, or its bytes */
async function imported(
  file: string | Uint8Array,
  given: Partial<Import> = {},
  /** Transactions until it is killed. */
  life = Infinity,
) {
  let left = life
  const path = join(home, 'export')
  writeFileSync(path, file)
  const refused: string[] = []
  const longest = { statement: 0 }
  const run = (sql: string) => {
    longest.statement = Math.max(longest.statement, Buffer.byteLength(sql))
    return db.prepare(sql)
  }
  const done = await importMembers(
    {
      file: path,
      format: 'csv',
      issuer: ISSUER,
      encoding: 'utf-8',
      isDryRun: false,
      visitShards: 4,
      timeZone: 'UTC',
      ...given,
    },
    {
      query: async (sql) => run(sql).all(),
      async write(groups) {
        for (const group of groups) {
          if (left-- === 0) throw new Error('killed')
          db.exec('BEGIN')
          for (const sql of group) run(sql).run()
          db.exec('COMMIT')
        }
      },
      refuse: (line, reason) => refused.push(`${line}: ${reason}`),
      progress: () => {},
      now: () => Date.parse('2026-11-30T12:00:00Z'),
    },
  )
  return { ...done, refusals: refused, longest: longest.statement }
}

const members = () =>
  db
    .prepare(
      `select subject, display_name as name, email from identities
        join users on users.id = user_id where issuer = ? order by subject`,
    )
    .all(ISSUER)
    .map((row) => ({ ...row }))

const people = (...subjects: string[]) =>
  subjects.map((subject) => expect.objectContaining({ subject }))

describe('an export of', () => {
  test('Auth0, as lines of JSON', async () => {
    const lines = [
      { user_id: 'auth0|1', name: 'Ada', email: 'ada@example.com', email_verified: true },
      { user_id: 'auth0|2', nickname: 'bob', email: 'bob@example.com', email_verified: false },
      { user_id: 'auth0|3', name: 'Eve', blocked: true },
    ]
    const text = lines.map((each) => JSON.stringify(each)).join('\r\n')
    const { made, refusals } = await imported(text, { format: 'auth0' })
    expect([made, refusals]).toEqual([2, ['3: it is blocked there']])
    expect(members()).toEqual([
      { subject: 'auth0|1', name: 'Ada', email: 'ada@example.com' },
      { subject: 'auth0|2', name: 'bob', email: null },
    ])
  })

  test('Auth0, as CSV, whose texts begin with a quote', async () => {
    const text = `user_id,name,email,email_verified\n"'auth0|1","'Ada ""A"" L","'ada@example.com",true\n`
    await imported(text, { format: 'auth0' })
    expect(members()).toEqual([{ subject: 'auth0|1', name: 'Ada "A" L', email: 'ada@example.com' }])
  })

  test('Clerk, as the dashboard has it and as the API has it', async () => {
    const csv = `id,first_name,last_name,username,primary_email_address,primary_phone_number,verified_email_addresses,unverified_email_addresses
user_1,Ada,Lovelace,,ada@example.com,,ada@example.com,
user_2,,,bob,bob@example.com,,,bob@example.com
`
    await imported(csv, { format: 'clerk' })
    const api = [
      {
        id: 'user_3',
        first_name: 'Cy',
        last_name: null,
        primary_email_address_id: 'e2',
        email_addresses: [
          { id: 'e1', email_address: 'old@example.com', verification: { status: 'verified' } },
          { id: 'e2', email_address: 'cy@example.com', verification: { status: 'verified' } },
        ],
      },
      { id: 'user_4', banned: true, email_addresses: [] },
    ]
    const { refusals } = await imported(JSON.stringify(api, null, 2), { format: 'clerk' })
    expect(refusals).toEqual([expect.stringContaining('blocked')])
    expect(members()).toEqual([
      { subject: 'user_1', name: 'Ada Lovelace', email: 'ada@example.com' },
      { subject: 'user_2', name: 'bob', email: null },
      { subject: 'user_3', name: 'Cy', email: 'cy@example.com' },
    ])
  })

  test('Supabase, as CSV of auth.users and as JSON', async () => {
    const header =
      'instance_id,id,aud,role,email,email_confirmed_at,raw_user_meta_data,banned_until,deleted_at,is_anonymous'
    const csv = [
      header,
      '0,a1,authenticated,authenticated,ada@example.com,2024-01-01 00:00:00+00,"{""full_name"": ""Ada, L""}",,,false',
      '0,a2,authenticated,authenticated,bob@example.com,,{},2020-01-01 00:00:00+00,,f',
      '0,a3,authenticated,authenticated,c@example.com,,{},2999-01-01 00:00:00+00,,false',
      '0,a4,authenticated,authenticated,d@example.com,,{},,2024-01-01 00:00:00+00,false',
      '0,a5,authenticated,authenticated,,,{},,,true',
    ].join('\n')
    const { refusals } = await imported(csv, { format: 'supabase' })
    expect(refusals).toEqual([
      '4: it is blocked there',
      '5: it is deleted there',
      '6: it is anonymous there',
    ])
    const api = [
      {
        id: 'a6',
        email: 'f@example.com',
        email_confirmed_at: '2024-01-01T00:00:00Z',
        user_metadata: { name: 'Fay' },
      },
    ]
    await imported(JSON.stringify(api), { format: 'supabase' })
    expect(members()).toEqual([
      { subject: 'a1', name: 'Ada, L', email: 'ada@example.com' },
      { subject: 'a2', name: 'New member', email: null },
      { subject: 'a6', name: 'Fay', email: 'f@example.com' },
    ])
  })

  test('another system is not taken for it, and changes nothing', async () => {
    const clerk = 'user_id,email\n1,a@example.com\n'
    await expect(imported(clerk, { format: 'clerk' })).rejects.toThrow(
      'no export of clerk: it has no id, but user_id, email',
    )
    const wrapped = '{"users": [{"id": "a"}], "aud": "authenticated"}'
    await expect(imported(wrapped, { format: 'supabase' })).rejects.toThrow(
      'it has no id, but users',
    )
    expect(members()).toEqual([])
  })
})

describe('a member who is imported', () => {
  test('has no role and no session, is on the log and in the feed, and is nobody twice', async () => {
    const csv =
      'issuer,subject,name,email\n,ada,Ada,ada@example.com\nhttps://other.example/,ada,Other,\n'
    expect(await imported(csv)).toMatchObject({ read: 2, made: 2, existing: 0 })
    expect(await imported(csv)).toMatchObject({ read: 2, made: 0, existing: 2, refused: 0 })
    const count = (sql: string) =>
      Object.values(db.prepare(`select count(*) from ${sql}`).get() ?? {})
    expect(count('users')).toEqual([2])
    expect(count('user_roles')).toEqual([0])
    expect(count('auth_sessions')).toEqual([0])
    expect(
      count(`audit_log where action = 'user.create' and actor = 'system:operator'
      and reason = 'npm run import'`),
    ).toEqual([2])
    expect(count(`feed where type = 'user.create'`)).toEqual([2])
    expect(count(`counters where kind = 'members' and count = 2`)).toEqual([1])
    expect(count('users where visit_shard between 0 and 3 and access_revision = 1')).toEqual([2])
  })

  test('stays as they are if they are here, and away if they were deleted here', async () => {
    await imported('subject,name\nada,Ada\n')
    db.exec(`update users set display_name = 'Ada as she is'`)
    const erase = db.prepare('insert into erased_identities values (?, ?, ?)')
    for (const [subject, at] of [
      ['bob', 5],
      ['cy', -1],
    ] as const)
      erase.run((await identityHashOf(ISSUER, subject)).identityHash, at, 1)
    const done = await imported('subject,name\nada,Another\nbob,Bob\ncy,Cy\n')
    expect(done).toMatchObject({ made: 1, existing: 1, erased: 1, refused: 0 })
    expect(done.refusals).toEqual(['3: it was deleted here'])
    expect(members()).toEqual([
      { subject: 'ada', name: 'Ada as she is', email: null },
      { subject: 'cy', name: 'Cy', email: null },
    ])
    // Who was an admin by BOOTSTRAP_ADMINS once is not made one again.
    const cy = db.prepare(`select bootstrapped from identities where subject = 'cy'`).get()
    expect({ ...cy }).toEqual({ bootstrapped: 1 })
  })

  test('is there once, however often a large import was killed before it came to its end', async () => {
    const size = FULL ? 40_000 : 1_500
    const csv = `subject,name\n${Array.from({ length: size }, (_, n) => `m${n},M`).join('\n')}\n`
    for (const writes of [1, 2]) await expect(imported(csv, {}, writes)).rejects.toThrow('killed')
    const before = members().length
    expect(before).toBeGreaterThan(0)
    expect(before).toBeLessThan(size)
    expect(await imported(csv)).toMatchObject({ made: size - before, existing: before })
    expect(members()).toHaveLength(size)
    expect(db.prepare(`select count(*) as n from audit_log`).get()).toEqual({ n: size })
  })

  test('is nobody in a dry run, which says the same', async () => {
    const csv = 'subject,name\nada,Ada\nada,Ada again\n'
    const plan = await imported(csv, { isDryRun: true })
    expect(members()).toEqual([])
    expect(await imported(csv)).toEqual({ ...plan, longest: expect.any(Number) })
    expect(plan).toMatchObject({ made: 1, refused: 1, refusals: ['3: it is in the file before'] })
  })
})

describe('a file that is not as it should be', () => {
  test('has its broken lines refused with their numbers, and the others taken', async () => {
    const csv = `\u{feff}subject;name\r\nada;Ada\r\nbob\r\n;Nobody\r\ncy;"Cy\nwith a break"\r\nd\u{7};D\r\n`
    const { refusals } = await imported(csv)
    expect(refusals).toEqual([
      '3: it has not as many fields as the first line',
      '4: it has no subject of 1 to 255 characters',
      '7: it has no subject of 1 to 255 characters',
    ])
    expect(members()).toEqual(people('ada', 'cy'))
    const lines = '{"user_id":"x"}\n{"user_id":\n[1]\n{"user_id":"y"}\n'
    const json = await imported(lines, { format: 'auth0' })
    expect(json.refusals).toEqual(['2: it is no JSON', '3: it is no JSON object'])
  })

  test('has its usual spellings understood, and says which columns are not read', async () => {
    const csv = 'Sub,Display Name,E-Mail,Phone,\n ada ,Ada,ada@example.com,1,\nada,Again,,,\n'
    const { refusals, unread } = await imported(csv)
    expect(members()).toEqual([{ subject: 'ada', name: 'Ada', email: 'ada@example.com' }])
    expect(unread).toEqual(['phone'])
    expect(refusals).toEqual(['3: it is in the file before'])
  })

  test('has a first record without an id refused alone', async () => {
    const lines = '{"name":"Nobody"}\n{"user_id":"ada"}\n'
    expect(await imported(lines, { format: 'auth0' })).toMatchObject({ made: 1, refused: 1 })
  })

  test.each([
    ['a quote that never ends', 'subject,name\nada,"Ada\nbob,Bob\n', 'the file is no CSV'],
    ['an array that was cut', '[{"sub": "a"}, {"sub": "b"', 'the file was cut'],
    [
      'an array with a tail',
      '[{"subject": "a"}]\n{"subject": "b"}',
      'comes something that is none',
    ],
    ['nothing in it', ' \n', 'the file is empty'],
    ['not a byte in it', '', 'the file is empty'],
    ['a first line alone', 'subject,name\n', 'no record that can be read'],
    [
      'Latin-1',
      Buffer.from('subject,name\nada,Ren\u{e9}\nbob,Bob\n', 'latin1'),
      'not utf-8, at line 2',
    ],
    ['UTF-16', Buffer.from('\u{feff}subject,name\n', 'utf16le'), 'the file is UTF-16'],
    [
      'UTF-16 that does not say so',
      Buffer.from('subject,name\nada,\u{410}\u{434}\u{430}\n', 'utf16le').swap16(),
      'say --encoding utf-16be',
    ],
    [
      'a column that is there twice',
      'subject,E-Mail,e mail\nada,a@example.com,b@example.com\n',
      'the column e_mail is there twice',
    ],
    [
      'two columns that are the same thing',
      'sub,E-Mail,email\nada,a@example.com,b@example.com\n',
      'the columns e_mail and email are the same thing',
    ],
  ])('%s is refused as a whole, before anybody is made', async (_, file, why) => {
    await expect(imported(file)).rejects.toThrow(why)
    expect(members()).toEqual([])
  })

  test('is named where it is a folder, or the list of what is refused could not be written', async () => {
    const folder = mkdtempSync(join(home, 'folder-'))
    const given = { file: folder }
    await expect(imported('', given)).rejects.toThrow(`${folder} cannot be read`)
    expect(() => assertWritable(folder)).toThrow('cannot be written')
    expect(() => assertWritable(join(folder, 'none', 'list'))).toThrow('there is no folder')
    const list = join(folder, 'list')
    assertWritable(list)
    expect(readdirSync(folder)).toEqual([])
    writeFileSync(list, 'of before')
    assertWritable(list)
    expect(readFileSync(list, 'utf8')).toBe('of before')
  })

  test('of several arrays, as pages of an API, is read to its end', async () => {
    const pages = '[{"user_id": "ada"}, {"user_id": "bob"}]\n[{"user_id": "cy"}]\n'
    expect(await imported(pages, { format: 'auth0' })).toMatchObject({ read: 3, made: 3 })
  })

  test('is read in the encoding that is given', async () => {
    await imported(Buffer.from('subject,name\nada,Ren\u{e9}\n', 'latin1'), {
      encoding: 'windows-1252',
    })
    await imported(Buffer.from('\u{feff}subject,name\nbob,B\u{f6}b\n', 'utf16le'), {
      encoding: 'utf-16le',
    })
    expect(members().map((row) => row['name'])).toEqual(['Ren\u{e9}', 'B\u{f6}b'])
  })

  test('may be large, and no statement of it is larger than D1 takes', async () => {
    const size = FULL ? 100_000 : 1_000
    const rows = Array.from({ length: size }, (_, n) => `${"'".repeat(200)}${n},${'n'.repeat(80)}`)
    const done = await imported(`subject,name\n${rows.join('\n')}\n`)
    expect(done).toMatchObject({ read: size, made: size, refused: 0 })
    expect(done.longest).toBeLessThan(100_000)
  }, 600_000)
})

test.each([
  [['--from', 'csv']],
  [['x.csv']],
  [['x.csv', 'y.csv', '--from', 'csv']],
  [['x.csv', '--from', 'csv', '--report', './x.csv']],
  [['x.csv', '--from', 'csv', '--role', 'admin']],
])('%j is no way to call it', (args) => {
  expect(readArguments(args)).toBeUndefined()
})

test.each([
  [['x.csv', '--from', 'excel'], '--from excel: expected csv, auth0, clerk, supabase'],
  [['x.ndjson', '--from', 'auth0'], '--from auth0 needs --issuer'],
  [
    ['x.csv', '--from', 'csv', '--issuer', 'http://plain.example'],
    'http://plain.example: expected',
  ],
  [
    ['x.csv', '--from', 'csv', '--issuer', 'club.example'],
    '--issuer club.example: expected an https',
  ],
])('%j is refused for what is wrong with it', (args, why) => {
  expect(() => readArguments(args)).toThrow(why)
})

test('a cause that refuses every record is said once, with its count and its mending', async () => {
  const text = 'subject,email\n1,a@x.example\n2,b@x.example\n,c@x.example\n'
  const done = await imported(text, { issuer: undefined })
  expect(done.refused).toBe(3)
  expect(summaryOf(done, false)).toEqual(
    expect.arrayContaining([
      '  refused: 3',
      expect.stringMatching(/^ {4}2: .*--issuer/),
      expect.stringMatching(/^ {4}1: it has no subject/),
    ]),
  )
})

test('an address that the API would not take refuses its record, unless it is not taken anyway', async () => {
  const rows = [
    '1,not-an-address,true',
    '2,a b@example.com,yes',
    `3,${'x'.repeat(300)}@example.com,yes`,
    '4,not-an-address,false',
    '5,müller@firma.example,true',
    '6,,',
  ]
  const { refusals } = await imported(['subject,email,email_verified', ...rows].join('\n'))
  const why = 'its email is no address that mail can be sent to'
  expect(refusals).toEqual([`2: ${why}`, `3: ${why}`, `4: ${why}`])
  expect(members()).toMatchObject([
    { subject: '4', email: null },
    { subject: '5', email: 'müller@firma.example' },
    { subject: '6', email: null },
  ])
})

test('on the deployed site it is wrangler that looks up and writes the same statements', async () => {
  const asked: string[] = []
  const calls: string[] = []
  const files: string[] = []
  const stores = remoteStores(
    async (sql) => {
      asked.push(sql)
      return db.prepare(sql).all()
    },
    (...args) => {
      calls.push(args.slice(0, -1).join(' '))
      files.push(readFileSync(args.at(-1) ?? '', 'utf8'))
    },
    { vars: { VISIT_SHARDS: '4', SITE_TIME_ZONE: 'UTC' } },
  )
  const file = join(home, 'remote')
  writeFileSync(file, 'subject,name\nada,"Ada; \'A\'"\nbob,Bob\n')
  const given = { file, format: 'csv', issuer: ISSUER, encoding: 'utf-8', isDryRun: false } as const
  const hands = { ...stores, refuse: () => {}, progress: () => {}, now: Date.now }
  await importMembers(
    { ...given, visitShards: stores.visitShards, timeZone: stores.timeZone },
    hands,
  )
  stores.close()
  expect(asked).toHaveLength(1)
  expect(calls).toEqual(['d1 execute DB --remote --yes --file'])
  db.exec(files.join(''))
  expect(members()).toEqual(people('ada', 'bob'))
})
