/** The files that are mutated, and the tests that answer for them. */
import { globSync } from 'node:fs'
import { matchesGlob } from 'node:path'

export interface Room {
  readonly mutate: readonly string[]
  /** Tests that are run for each mutant that they reach, until one fails. */
  readonly tests: readonly string[]
}

/** Files without a binding or an object. Every mutant of them is run, against the pure tests. */
export const PURE_ROOMS: Readonly<Record<string, Room>> = {
  decisions: {
    mutate: ['src/security/{ceiling,decide,elevated-identities,grant,permissions}.ts'],
    tests: ['test/security/{ceiling,decide,elevated-grants,grant}.pure.test.ts'],
  },
  pages: {
    mutate: ['src/security/pages/*.ts'],
    tests: ['test/security/{canonical-path,decide-page,page-rounds,page-rules}.pure.test.ts'],
  },
  values: {
    mutate: [
      'src/calendar/site-day.ts',
      'src/db/ids.ts',
      'src/objects/visit-stats.ts',
      'src/security/limits/ip-ranges.ts',
    ],
    tests: [
      'test/db/ids.pure.test.ts',
      'test/objects/{site-day,visit-stats}.pure.test.ts',
      'test/security/api-key-addresses.pure.test.ts',
    ],
  },
  jwts: {
    mutate: [
      'src/crypto/{base64url,jwks-rules}.ts',
      'src/security/tokens/jwt.ts',
      'src/settings/trusted-issuers.ts',
    ],
    tests: ['test/security/{id-tokens,jwks-rules,jwt,trusted-issuers}.pure.test.ts'],
  },
  'strict-json': {
    mutate: ['src/security/tokens/strict-json.ts'],
    tests: ['test/security/strict-json.pure.test.ts'],
  },
  'key-sets': {
    mutate: ['src/security/tokens/{jwks,jwks-fetch}.ts'],
    tests: ['test/security/{jwks,jwks-outage,jwks-standing}.pure.test.ts'],
  },
}

/** Files that the mutants of the sample come from, less those that are pure. */
const SAMPLED = [
  'src/security/**/*.ts',
  'src/operations/*.ts',
  'src/http/mount.ts',
  'src/cron/*.ts',
]

/**
 * Each file of the sample is in exactly one room; its tests run on workerd. The tests that sweep
 * all of the API or race it a hundred times are left out: for one mutant they take minutes.
 */
export const SAMPLED_ROOMS: Readonly<Record<string, Room>> = {
  roles: {
    mutate: ['src/operations/{assign-role,define-role,may-give,may-take,member-of}.ts'],
    tests: ['test/api/{audit-entries,roles,custom-roles}.test.ts', 'test/security/ceiling.test.ts'],
  },
  members: {
    mutate: [
      'src/operations/{set-status,update-profile,fill-profile,delete-user,delete-self,signed-in-just-now}.ts',
      'src/operations/{link-identity,unlink-identity,record-visit,export-member,set-mail-preference}.ts',
      'src/operations/{end-sessions,end-told-sessions}.ts',
    ],
    tests: [
      'test/api/{audit-entries,suspension,users,me,deletion,self-deletion,identities,visits}.test.ts',
      'test/api/{member-export,profile-sync,booking-mails,id-token,user-sessions,session-ends}.test.ts',
      'test/operations/member-life.test.ts',
    ],
  },
  badges: {
    mutate: [
      'src/operations/{assign-badges,manage-badge-rules,manage-badges,preview-badge-rule}.ts',
    ],
    tests: ['test/api/badge*.test.ts', 'test/api/{audit-entries,idempotency}.test.ts'],
  },
  'page-rules': {
    mutate: ['src/operations/manage-page-rules.ts'],
    tests: ['test/api/page-rule*.test.ts', 'test/api/{audit-entries,idempotency}.test.ts'],
  },
  bookings: {
    mutate: [
      'src/operations/{book,claim-bookings,decide-booking,settle-booking,manage-services}.ts',
      'src/operations/{foreseen,outcome}.ts',
    ],
    tests: ['test/api/{audit-entries,booking*,services,visitor-bookings}.test.ts'],
  },
  told: {
    mutate: ['src/operations/{manage-calendar-feeds,manage-webhooks}.ts'],
    tests: ['test/api/{audit-entries,calendar-feeds,webhooks}.test.ts'],
  },
  'api-keys': {
    mutate: ['src/operations/{manage-api-keys,tell-gates}.ts'],
    tests: ['test/api/{audit-entries,api-keys{,-rights,-rotation,-told,-untold,-use}}.test.ts'],
  },
  cron: {
    mutate: [
      'src/cron/*.ts',
      'src/operations/{request-job-run,reconcile,reconcile-report,verify-audit}.ts',
    ],
    tests: [
      'test/cron/{backup,fold-names,old-bookings,sealed-audit}.test.ts',
      'test/cron/{award-cost,award-rules,bookings,job-time,login-upkeep,requested-runs,schedule}.test.ts',
      'test/api/{booking-mails,jobs}.test.ts',
      'test/events/follow-up.test.ts',
      'test/objects/two-stores.test.ts',
    ],
  },
  callers: {
    mutate: ['src/security/callers/*.ts', 'src/security/*.ts', 'src/security/limits/*.ts'],
    tests: [
      'test/security/{api-key*,elevation,reach,refusals,refused-for-free,visitor-tokens}.test.ts',
      'test/conformance/{bearer-challenges,credentials,rate-limit-fields}.test.ts',
      'test/security/{assumed,proofs}.test.ts',
      'test/api/{booking-mails,identities,limits,profile-sync,userinfo}.test.ts',
      'test/api/{visitor-limits,visitors,whoami}.test.ts',
      'test/auth/{requests,sessions}.test.ts',
      'test/round-trips.test.ts',
    ],
  },
  tokens: {
    mutate: ['src/security/tokens/*.ts'],
    tests: [
      'test/pages/assertion.test.ts',
      'test/auth/{outside-sign-in,sessions,signing-keys,social}.test.ts',
      'test/security/{providers,sealed-before,visitor-tokens}.test.ts',
      'test/api/{identities,issuers,profile-sync,userinfo,visitors}.test.ts',
      'test/conformance/{logout-tokens,security-events}.test.ts',
    ],
  },
  mount: {
    mutate: ['src/http/mount.ts'],
    tests: [
      'test/conformance/{content,credentials,idempotency-key,methods,problem-details}.test.ts',
      'test/api/{audit-entries,conditional,events,explain,idempotency,limits}.test.ts',
      'test/api/{visitor-limits,visitors}.test.ts',
      'test/operations/rights-races.test.ts',
      'test/security/assumed.test.ts',
    ],
  },
}

export function sampledFiles(): string[] {
  const pure = new Set(globSync(Object.values(PURE_ROOMS).flatMap(({ mutate }) => mutate)))
  return globSync(SAMPLED).filter((file) => !pure.has(file))
}

/** @throws Error for a file without a room, or with two */
export function roomOf(file: string): string {
  const [room, second] = Object.entries(SAMPLED_ROOMS).filter(([, { mutate }]) =>
    mutate.some((glob) => matchesGlob(file, glob)),
  )
  if (!room || second) throw new Error(`${file} is in no room of test/mutation/rooms.ts, or in two`)
  return room[0]
}
