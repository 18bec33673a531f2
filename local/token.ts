/**
 * `npm run -s token -- <name>`: a token of the development issuer on stdout, and nothing else there.
 * A role is not in the token but in the site, so it is given there, as any admin would over HTTP.
 */
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { SettingsError } from '../src/settings/settings.ts'
import { ROLES } from '../src/security/permissions.ts'
import { called } from './called.ts'
import { DEV_ROOT, sign } from './dev-issuer.ts'
import { Refusal } from './refusal.ts'
import { openStateDir } from './state.ts'
import { withSite } from './with-site.ts'

const ROLE_NAMES = Object.keys(ROLES).filter((role) => role !== 'member')
const TWELVE_HOURS = '720'
const A_YEAR = 525_600

const USAGE = `usage: npm run -s token -- <name> [--role ${ROLE_NAMES.join('|')}] [--minutes N]

  <name>      the subject: letters, digits, and . _ - in between; "${DEV_ROOT}" is the first admin
  --role      a role to give that member on this site
  --minutes   how long the token is valid, 1 to ${A_YEAR}; 12 hours unless given`

const Arguments = z.strictObject({
  name: z
    .string()
    .max(64)
    .regex(/^[a-z\d]+([._-][a-z\d]+)*$/i, 'expected letters, digits, and . _ - in between'),
  role: z.enum(ROLE_NAMES).optional(),
  minutes: z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(1).max(A_YEAR)),
})
type Arguments = z.infer<typeof Arguments>

const Member = z.object({ userId: z.string() })

function readArguments(): Arguments {
  const { values, positionals } = parseArgs({
    options: { role: { type: 'string' }, minutes: { type: 'string', default: TWELVE_HOURS } },
    allowPositionals: true,
  })
  const [name, ...rest] = positionals
  if (rest.length > 0) throw new Refusal(`${rest.join(' ')}: expected one name`)
  return Arguments.parse({ name, ...values })
}

/** The first request makes the member; the bootstrap admin then gives the role. @throws Refusal */
async function giveRole(url: string, stateDir: string, token: string, role: string): Promise<void> {
  const { userId } = Member.parse(await call(`${url}/v1/whoami`, 'GET', token))
  const root = await sign(stateDir, DEV_ROOT, {}, 60)
  await call(`${url}/v1/users/${userId}/roles/${role}`, 'PUT', root)
}

async function call(url: string, method: string, token: string): Promise<unknown> {
  const response = await fetch(url, { method, headers: { Authorization: `Bearer ${token}` } })
  const answer = await response.text()
  if (!response.ok) throw new Refusal(`${method} ${url} answered ${response.status}: ${answer}`)
  return JSON.parse(answer)
}

const given = called(USAGE, readArguments)

try {
  const { name, role, minutes } = given
  const stateDir = openStateDir(process.env['STATE_DIR'] || '.guildhall')
  const claims = {
    name: name.replace(
      /(^|[._-])([a-z])/g,
      (_, gap, letter) => (gap && ' ') + letter.toUpperCase(),
    ),
    email: `${name.toLowerCase()}@example.com`,
    email_verified: true,
  }
  const token = await sign(stateDir, name, claims, minutes * 60)
  if (role) await withSite(stateDir, (url) => giveRole(url, stateDir, token, role))
  console.log(token)
} catch (error) {
  const plain = error instanceof Refusal || error instanceof SettingsError
  console.error('No token:', plain ? error.message : error)
  process.exit(1)
}
