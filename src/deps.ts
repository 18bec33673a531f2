/** What the code below the entry works with; made once per request or trigger. */
import type { Database } from './db/client.ts'
import type { Bindings } from './env.ts'
import { jobRunnerClient } from './objects/jobs.ts'
import { keyGatesClient } from './objects/keys.ts'
import { visitsClient } from './objects/visits.ts'
import { apiKeysRepository } from './repositories/api-keys.ts'
import { auditLogRepository } from './repositories/audit-log.ts'
import { badgeAssignmentsRepository } from './repositories/badge-assignments.ts'
import { badgeRulesRepository } from './repositories/badge-rules.ts'
import { bookingClaimsRepository } from './repositories/booking-claims.ts'
import { bookingsRepository } from './repositories/bookings.ts'
import { badgesRepository } from './repositories/badges.ts'
import { idempotencyRepository } from './repositories/idempotency.ts'
import { identitiesRepository } from './repositories/identities.ts'
import { jobRunsRepository } from './repositories/job-runs.ts'
import { linkedIdentitiesRepository } from './repositories/linked-identities.ts'
import { loginRecordsRepository } from './repositories/login-records.ts'
import { membersRepository } from './repositories/members.ts'
import { rolesRepository } from './repositories/roles.ts'
import { servicesRepository } from './repositories/services.ts'
import { outboxRepository } from './repositories/outbox.ts'
import { siteRepository } from './repositories/site.ts'
import { usersRepository } from './repositories/users.ts'
import type { IdentifyDeps } from './security/callers/identified.ts'
import { burstGuardOf } from './security/limits/burst-guard.ts'
import { issuersOf } from './security/tokens/own-issuers.ts'
import { proofs } from './security/tokens/proof.ts'
import { issueVisitorToken } from './security/tokens/visitor-tokens.ts'
import { settingsOf } from './settings/settings.ts'

export type Deps = ReturnType<typeof makeDeps>

/** What identifying a caller takes, which comes before anything is done for them. */
export function makeIdentifyDeps(env: Bindings, db: Database): IdentifyDeps {
  return {
    settings: settingsOf(env),
    identities: identitiesRepository(db),
    keyGates: keyGatesClient(env.KEYS),
    burstGuard: burstGuardOf(env.BURST),
  }
}

/** @param now milliseconds since the epoch; the one time of everything done with these */
export function makeDeps(env: Bindings, db: Database, now: number) {
  const at = new Date(now).toISOString()
  const settings = settingsOf(env)
  return {
    now,
    settings,
    prove: proofs(issuersOf(settings, env.DB), now),
    linkedIdentities: linkedIdentitiesRepository(db),
    users: usersRepository(db),
    members: membersRepository(db),
    roles: rolesRepository(db),
    badges: badgesRepository(db),
    badgeRules: badgeRulesRepository(db),
    badgeAssignments: badgeAssignmentsRepository(db),
    auditLog: auditLogRepository(db),
    jobRuns: jobRunsRepository(db),
    loginRecords: loginRecordsRepository(db),
    idempotency: idempotencyRepository(db),
    site: siteRepository(db),
    visits: visitsClient(env.VISITS),
    jobRunner: jobRunnerClient(env.JOBS),
    apiKeys: apiKeysRepository(db),
    keyGates: keyGatesClient(env.KEYS),
    services: servicesRepository(db, at),
    bookings: bookingsRepository(db, at),
    bookingClaims: bookingClaimsRepository(db, at),
    outbox: outboxRepository(db),
    issueVisitorToken: () => issueVisitorToken(db, settings, now),
  }
}
