/** `npm run deploy`, with a wrangler that only notes what it is asked. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  deploy,
  type Deployment,
  type Hands,
  type WranglerConfig,
} from '../../local/deploy-steps.ts'
import { ROOT } from '../../local/root.ts'
import { ASSET_NAMES } from '../../src/http/documents/assets.ts'
import { parseSettings, SETTING_NAMES } from '../../src/settings/settings.ts'
import { VERSION } from '../../src/settings/version.ts'

const ID = '0b0c6cd4-6b0e-4f2e-9d0e-5b6e9a3f7c11'
const SECRET = 'a secret of more than 32 characters, all of them random'

function config(): WranglerConfig {
  const database = (id: string) => ({ binding: 'DB', database_name: 'guildhall', database_id: id })
  return {
    name: 'guildhall',
    vars: { ENVIRONMENT: 'production', SITE_TIME_ZONE: 'UTC' },
    d1_databases: [database('00000000-0000-0000-0000-000000000000')],
    env: {
      staging: {
        vars: { ENVIRONMENT: 'staging' },
        d1_databases: [database('00000000-0000-0000-0000-000000000001')],
      },
    },
  }
}

/** @param answer what the deployed site says to a path */
function rehearsal(
  given: Partial<Deployment> = {},
  answer = (path: string) =>
    path === '/healthz'
      ? new Response('{}', { headers: { 'Guildhall-Version': VERSION } })
      : Response.json({ code: 'unauthenticated' }, { status: 401 }),
  said = 'Published at https://guildhall.someone.workers.dev',
) {
  const done: string[] = []
  const heard: string[] = []
  const written: { config?: WranglerConfig; secrets?: object } = {}
  const hands: Hands = {
    async wrangler(...args) {
      done.push(args.join(' '))
      if (args[0] === 'd1' && args[1] === 'create') return `"database_id": "${ID}"`
      return said
    },
    writeConfig: (config) => (written.config = structuredClone(config)),
    writeSecrets(secrets) {
      written.secrets = secrets
      return 'secrets.json'
    },
    keep: (name, value) => done.push(`keep ${name}=${value}`),
    async fetch(url) {
      done.push(`ask ${url}`)
      return answer(new URL(url).pathname)
    },
    wait: async () => {},
    say: (what) => heard.push(what),
  }
  const deployment = {
    environment: undefined,
    values: {},
    config: config(),
    isDry: false,
    ...given,
  }
  return { done, heard, written, run: () => deploy(deployment, hands) }
}

describe('a deployment', () => {
  test('is settings, database, migrations by the name of the binding, Worker and smoke test', async () => {
    const secrets = {
      AUTH_SECRET: SECRET,
      MAIL_SERVICE: JSON.stringify({ name: 'postmark', key: SECRET.replaceAll(' ', '-') }),
      OPENID_PROVIDERS: JSON.stringify({ acme: { clientSecret: SECRET } }),
    }
    const values = { ...secrets, SITE_TIME_ZONE: 'Europe/Berlin', WORKER_NAME: 'club' }
    const { done, written, run } = rehearsal({ values })
    await run()
    expect(done).toEqual([
      'd1 create guildhall',
      `keep DATABASE_ID=${ID}`,
      'd1 migrations apply DB --remote --env=',
      'deploy --env= --secrets-file secrets.json',
      'ask https://guildhall.someone.workers.dev/healthz',
      'ask https://guildhall.someone.workers.dev/v1/me',
    ])
    expect(written.secrets).toEqual(secrets)
    expect(written.config).toMatchObject({
      name: 'club',
      vars: { ENVIRONMENT: 'production', SITE_TIME_ZONE: 'Europe/Berlin' },
      d1_databases: [{ database_id: ID }],
    })
    expect(JSON.stringify(written.config)).not.toMatch(/a.secret.of.more/)
  })

  test('of staging has a database, a name and values of its own', async () => {
    const values = {
      DATABASE_ID: ID,
      HOSTNAME: 'staging.example',
      ARCHIVE_BUCKET: 'log',
      BACKUPS_BUCKET: 'kept',
    }
    const { done, written, run } = rehearsal({ environment: 'staging', values })
    await run()
    expect(done).toEqual([
      'd1 migrations apply DB --remote --env staging',
      'deploy --env staging',
      'ask https://staging.example/healthz',
      'ask https://staging.example/v1/me',
    ])
    expect(written.config?.d1_databases).toEqual(config().d1_databases)
    expect(written.config?.env?.['staging']).toMatchObject({
      vars: { ENVIRONMENT: 'staging' },
      routes: [{ pattern: 'staging.example', custom_domain: true }],
      d1_databases: [{ database_id: ID }],
      r2_buckets: [
        { binding: 'ARCHIVE', bucket_name: 'log' },
        { binding: 'BACKUPS', bucket_name: 'kept' },
      ],
    })
  })

  test.each([
    [{ values: { SITE_TIME_ZONE: 'Mars/Olympus' } }, 'SITE_TIME_ZONE: expected an IANA time zone'],
    [{ values: { BUILT_IN_LOGIN: 'on' } }, /^PUBLIC_URL, AUTH_SECRET, MAIL_FROM: needed when/],
    [
      { values: { BUILT_IN_LOGIN: 'on', PUBLIC_URL: 'https://a.example', AUTH_SECRET: SECRET } },
      /^MAIL_FROM: needed when/,
    ],
    [{ values: { MAIL_BINDING: 'yes' } }, 'MAIL_BINDING: expected "on" or "off"'],
    [{ values: { SITE_TIMEZONE: 'UTC' } }, 'there is no setting SITE_TIMEZONE'],
    [{ values: { ENVIRONMENT: 'staging' } }, 'ENVIRONMENT is production here'],
    [{ environment: 'stagin' }, 'wrangler.toml has no environment stagin; it has staging'],
  ] as const)('is refused before anything is done: %j', async (given, reason) => {
    const { done, run } = rehearsal(given)
    await expect(run()).rejects.toThrow(reason)
    expect(done).toEqual([])
  })

  test('that nobody could enter, or whose mail nobody would send, is warned of and done', async () => {
    const warnings = (heard: readonly string[]) =>
      heard.filter((line) => line.startsWith('warning: '))
    const empty = rehearsal()
    await empty.run()
    expect(warnings(empty.heard)).toEqual([expect.stringMatching('nobody can sign in')])
    const login = {
      BUILT_IN_LOGIN: 'on',
      PUBLIC_URL: 'https://members.example',
      AUTH_SECRET: SECRET,
      MAIL_FROM: 'hello@members.example',
    }
    const mute = rehearsal({ values: login })
    await mute.run()
    expect(warnings(mute.heard)).toEqual([expect.stringMatching('no mail can be sent')])
    const service = JSON.stringify({ name: 'postmark', key: 'key-of-the-service' })
    for (const values of [{ MAIL_BINDING: 'on' }, { MAIL_SERVICE: service }]) {
      const whole = rehearsal({ values: { ...login, ...values } })
      await whole.run()
      expect(warnings(whole.heard)).toEqual([])
    }
    const bound = rehearsal({ values: { ...login, MAIL_BINDING: 'on' } })
    await bound.run()
    expect(bound.written.config?.send_email).toEqual([{ name: 'MAIL' }])
  })

  test('is not one until the new version answers, and refuses', async () => {
    const old = rehearsal({}, () => new Response('{"status":"ok"}'))
    await expect(old.run()).rejects.toThrow('deployed, but not well: 200 {"status":"ok"}')
    const sick = rehearsal({}, () => Response.json({ status: 'schema' }, { status: 503 }))
    await expect(sick.run()).rejects.toThrow('503 {"status":"schema"}')
    const headers = { 'Guildhall-Version': VERSION }
    const open = rehearsal({}, () => new Response('{}', { headers }))
    await expect(open.run()).rejects.toThrow('GET /v1/me answers 200')
  })

  test('that is dry asks wrangler to compile, and nothing else', async () => {
    const { done, run } = rehearsal({ isDry: true })
    await run()
    expect(done).toEqual(['deploy --dry-run --env='])
    const large = rehearsal({ isDry: true }, undefined, 'Total Upload: 2 KiB / gzip: 601 KiB')
    await expect(large.run()).rejects.toThrow('its budget is 600')
  })
})

test('.dev.vars.example has settings that there are, and they can be used', () => {
  const example = parseEnv(readFileSync(join(ROOT, '.dev.vars.example'), 'utf8'))
  const known: readonly string[] = SETTING_NAMES
  expect(Object.keys(example).filter((name) => !known.includes(name))).toEqual([])
  expect(() => parseSettings(example)).not.toThrow()
})

test('the real thing compiles in a dry run, and uploads of Swagger UI what is served', () => {
  const args = [join(ROOT, 'local/deploy.ts'), '--dry-run', '--env', 'staging']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect({ status, stderr }).toMatchObject({ status: 0 })
  expect(stdout).toContain('nothing was made, migrated or deployed')
  expect(stdout).toMatch(/env\.KEYS \(KeyGate\)/)
  const ignored = readFileSync(join(ROOT, 'node_modules/swagger-ui-dist/.assetsignore'), 'utf8')
  expect(ignored.trimEnd().split('\n')).toEqual(['*', ...ASSET_NAMES.map((name) => `!${name}`)])
})
