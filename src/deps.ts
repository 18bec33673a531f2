/**
 * What the code below the entry works with; made once per request or trigger. Routes and operations
 * get the part of it that writes nothing but what is audited, the entry and the triggers all of it.
 */
import { type Database, openSession } from './db/client.ts'
import type { KeyId } from './db/ids.ts'
import type { Bindings } from './env.ts'
import { jobRunnerClient } from './objects/jobs.ts'
import { keyGatesClient } from './objects/keys.ts'
import {
  type MemberVisits,
  type ShardVisits,
  type VisitingMember,
  visitsClient,
} from './objects/visits.ts'
import { apiKeysRepository } from './repositories/api-keys.ts'
import { auditLogRepository } from './repositories/audit-log.ts'
import { badgeAssignmentsRepository } from './repositories/badge-assignments.ts'
import { badgeRulesRepository } from './repositories/badge-rules.ts'
import { bookingClaimsRepository } from './repositories/booking-claims.ts'
import { bookingsRepository } from './repositories/bookings.ts'
import { badgesRepository } from './repositories/badges.ts'
import { guestDataRepository } from './repositories/guest-data.ts'
import { idempotencyRepository } from './repositories/idempotency.ts'
import { identitiesRepository } from './repositories/identities.ts'
import { jobRunsRepository } from './repositories/job-runs.ts'
import { linkedIdentitiesRepository } from './repositories/linked-identities.ts'
import { loginRecordsRepository } from './repositories/login-records.ts'
import { membersRepository } from './repositories/members.ts'
import { rolesRepository } from './repositories/roles.ts'
import { servicesRepository } from './repositories/services.ts'
import { type Happened, outboxRepository } from './repositories/outbox.ts'
import { siteRepository } from './repositories/site.ts'
import { usersRepository } from './repositories/users.ts'
import { mintApiKey } from './security/callers/api-key.ts'
import type { Trusted } from './security/callers/authenticate.ts'
import type { IdentifyDeps } from './security/callers/identified.ts'
import { keyChecksums } from './security/callers/key-checksums.ts'
import { burstGuardOf } from './security/limits/burst-guard.ts'
import { networkHash } from './security/limits/network-hash.ts'
import { issuersOf } from './security/tokens/own-issuers.ts'
import { proofs } from './security/tokens/proof.ts'
import { issueVisitorToken, type Returning } from './security/tokens/visitor-tokens.ts'
import { settingsOf } from './settings/settings.ts'

/** What the entry, the handlers of events and the jobs work with. */
export type SystemDeps = ReturnType<typeof makeDeps>

/** What routes and operations work with: nothing here writes without an audit row, which takes a grant. */
export interface Deps extends Pick<
  SystemDeps,
  | 'now'
  | 'settings'
  | 'prove'
  | 'issueVisitorToken'
  | 'network'
  | 'mintApiKey'
  | 'linkedIdentities'
  | 'users'
  | 'roles'
  | 'badges'
  | 'badgeRules'
  | 'badgeAssignments'
  | 'auditLog'
  | 'services'
  | 'bookings'
  | 'bookingClaims'
> {
  readonly members: Pick<SystemDeps['members'], 'setStatus' | 'addRole' | 'removeRole' | 'delete'>
  readonly apiKeys: Omit<SystemDeps['apiKeys'], 'checksums' | 'load' | 'recordUsage'>
  readonly jobRuns: Pick<SystemDeps['jobRuns'], 'list' | 'latest' | 'request'>
  readonly visits: {
    of(member: VisitingMember): Pick<MemberVisits, 'read' | 'record' | 'standing'>
    in(shard: number): Pick<ShardVisits, 'eligible'>
  }
}

/** Whose tokens and keys count. @param now milliseconds since the epoch */
export function makeTrusted(env: Bindings, now: number): Trusted {
  const settings = settingsOf(env)
  return {
    issuers: issuersOf(settings, env.DB),
    keyChecksums: () => {
      const { db } = openSession(env.DB, 'primary')
      return keyChecksums(settings, apiKeysRepository(db), now)
    },
  }
}

/** What identifying a caller takes, which comes before anything is done for them. */
export function makeIdentifyDeps(env: Bindings, db: Database): IdentifyDeps {
  return {
    settings: settingsOf(env),
    identities: identitiesRepository(db),
    keyGates: keyGatesClient(env.KEYS),
    burstGuard: burstGuardOf(env.BURST),
  }
}

/**
 * @param now milliseconds since the epoch; the one time of everything done with these
 * @param address where the request comes from; undefined for triggers
 */
export function makeDeps(env: Bindings, db: Database, now: number, address?: string) {
  const at = new Date(now).toISOString()
  const settings = settingsOf(env)
  const happened: Happened = []
  const apiKeys = apiKeysRepository(db, happened)
  const site = siteRepository(db)
  return {
    now,
    settings,
    prove: proofs(issuersOf(settings, env.DB), now),
    linkedIdentities: linkedIdentitiesRepository(db),
    users: usersRepository(db),
    members: membersRepository(db, happened),
    roles: rolesRepository(db, happened),
    badges: badgesRepository(db),
    badgeRules: badgeRulesRepository(db),
    badgeAssignments: badgeAssignmentsRepository(db),
    auditLog: auditLogRepository(db),
    jobRuns: jobRunsRepository(db, happened),
    loginRecords: loginRecordsRepository(db),
    idempotency: idempotencyRepository(db, happened),
    site,
    guestData: guestDataRepository(db),
    visits: visitsClient(env.VISITS),
    jobRunner: jobRunnerClient(env.JOBS),
    apiKeys,
    keyGates: keyGatesClient(env.KEYS),
    services: servicesRepository(db, at),
    bookings: bookingsRepository(db, at, happened),
    bookingClaims: bookingClaimsRepository(db, at),
    outbox: outboxRepository(db),
    /** What the repositories have noted; whoever follows up takes it from here. */
    happened,
    issueVisitorToken: (returning?: Returning) => issueVisitorToken(db, settings, now, returning),
    /** Stands for the network the request comes from; null if that is not known. */
    network: () => networkHash(address, settings, site),
    mintApiKey: async (keyId: KeyId) =>
      mintApiKey(keyId, await keyChecksums(settings, apiKeys, now)),
  }
}
