/**
 * What the code below the entry works with; made once per request or trigger. Routes and operations
 * get the part of it that writes nothing but what is audited, the entry and the triggers all of it.
 */
import { type Database, openSession, type Session } from './db/client.ts'
import { type KeyId, newId } from './db/ids.ts'
import type { Bindings } from './env.ts'
import { type Mailer, mailerOf } from './mail/mailer.ts'
import { type Archive, archiveIn } from './objects/archive.ts'
import { jobRunnerClient } from './objects/jobs.ts'
import { keyGatesClient } from './objects/keys.ts'
import { webhookSendersClient } from './objects/webhooks.ts'
import {
  type MemberVisits,
  type ShardVisits,
  type VisitingMember,
  visitsClient,
} from './objects/visits.ts'
import { apiKeysRepository } from './repositories/api-keys.ts'
import { auditLogRepository } from './repositories/audit-log.ts'
import { auditSealsRepository } from './repositories/audit-seals.ts'
import { badgeAssignmentsRepository } from './repositories/badge-assignments.ts'
import { badgeRulesRepository } from './repositories/badge-rules.ts'
import { bookingClaimsRepository } from './repositories/booking-claims.ts'
import { bookingsRepository } from './repositories/bookings.ts'
import { calendarFeedsRepository } from './repositories/calendar-feeds.ts'
import { badgesRepository } from './repositories/badges.ts'
import { feedRepository } from './repositories/feed.ts'
import { guestDataRepository } from './repositories/guest-data.ts'
import { idempotencyRepository } from './repositories/idempotency.ts'
import { identitiesRepository } from './repositories/identities.ts'
import { jobRunsRepository } from './repositories/job-runs.ts'
import { linkedIdentitiesRepository } from './repositories/linked-identities.ts'
import { loginRecordsRepository } from './repositories/login-records.ts'
import { mailPreferencesRepository } from './repositories/mail-preferences.ts'
import { memberExportRepository } from './repositories/member-export.ts'
import { membersRepository } from './repositories/members.ts'
import { profileSyncRepository } from './repositories/profile-sync.ts'
import { oldBookingsRepository } from './repositories/old-bookings.ts'
import { pageRulesRepository } from './repositories/page-rules.ts'
import { refusalsRepository } from './repositories/refusals.ts'
import { sessionEndsRepository } from './repositories/session-ends.ts'
import { type ReceivedSignal, signalsRepository } from './repositories/signals.ts'
import { rolesRepository } from './repositories/roles.ts'
import { sessionAgeRepository } from './repositories/session-age.ts'
import { sessionsRepository } from './repositories/sessions.ts'
import { webhooksRepository } from './repositories/webhooks.ts'
import { servicesRepository } from './repositories/services.ts'
import { noticesRepository } from './repositories/notices.ts'
import { nameKeysRepository } from './repositories/name-keys.ts'
import { statsRepository } from './repositories/stats.ts'
import { type Happened, outboxRepository } from './repositories/outbox.ts'
import { siteRepository } from './repositories/site.ts'
import { storesRepository } from './repositories/stores.ts'
import { usersRepository } from './repositories/users.ts'
import { mintApiKey } from './security/callers/api-key.ts'
import type { Authenticated, Trusted } from './security/callers/authenticate.ts'
import { signedInAt } from './security/callers/signed-in-at.ts'
import type { IdentifyDeps } from './security/callers/identified.ts'
import { mintFeedSecret } from './security/callers/feed-secret.ts'
import { rememberedKeys } from './security/callers/remembered-keys.ts'
import { rememberedMembers } from './security/callers/remembered-members.ts'
import { keyChecksums } from './security/callers/key-checksums.ts'
import { burstGuardOf } from './security/limits/burst-guard.ts'
import { mailEnds } from './security/mail-ends.ts'
import { networkHash, siteHash } from './security/limits/network-hash.ts'
import { tokenChecks } from './security/tokens/check-token.ts'
import { keyStandingOf } from './security/tokens/jwks.ts'
import { issuersOf } from './security/tokens/own-issuers.ts'
import { AUDIT_KEYS, loadSigningKey, publicKeys } from './security/tokens/signing-keys.ts'
import { verifyLogoutToken, verifySecurityEvent } from './security/tokens/signals.ts'
import { idTokens, proofs } from './security/tokens/proof.ts'
import { issueVisitorToken, type Returning } from './security/tokens/visitor-tokens.ts'
import { healthInDetail } from './readiness.ts'
import { type Settings, settingsOf } from './settings/settings.ts'
import type { TrustedIssuer } from './settings/trusted-issuers.ts'

/** What the entry, the handlers of events and the jobs work with. */
export type SystemDeps = Omit<Everything, never>

/** What routes and operations work with: nothing here writes without an audit row, which takes a grant. */
export interface Deps extends Pick<
  SystemDeps,
  | 'now'
  | 'settings'
  | 'prove'
  | 'proveIdToken'
  | 'checkToken'
  | 'keyStanding'
  | 'issueVisitorToken'
  | 'network'
  | 'mintApiKey'
  | 'linkedIdentities'
  | 'signedInAt'
  | 'memberExport'
  | 'sessions'
  | 'stats'
  | 'users'
  | 'roles'
  | 'badges'
  | 'badgeRules'
  | 'badgeAssignments'
  | 'auditLog'
  | 'auditKeys'
  | 'services'
  | 'health'
  | 'bookings'
  | 'bookingClaims'
  | 'pageRules'
  | 'siteHost'
  | 'webhookSenders'
  | 'addressHash'
  | 'mintFeedSecret'
> {
  readonly auditSeals: Pick<SystemDeps['auditSeals'], 'page' | 'entriesOf'>
  readonly archive: Pick<Archive, 'read'> | undefined
  readonly members: Pick<SystemDeps['members'], 'setStatus' | 'addRole' | 'removeRole' | 'delete'>
  readonly apiKeys: Omit<SystemDeps['apiKeys'], 'checksums' | 'load' | 'ofCreators' | 'recordUsage'>
  readonly refusals: Pick<SystemDeps['refusals'], 'find'>
  readonly calendarFeeds: Pick<SystemDeps['calendarFeeds'], 'replace' | 'end'>
  readonly mailPreferences: Pick<SystemDeps['mailPreferences'], 'find' | 'write'>
  readonly profileSync: Pick<SystemDeps['profileSync'], 'find' | 'write'>
  readonly jobRuns: Pick<SystemDeps['jobRuns'], 'list' | 'latest' | 'request'>
  readonly feed: Pick<SystemDeps['feed'], 'read' | 'hasNews' | 'positionBefore'>
  readonly webhooks: Omit<SystemDeps['webhooks'], 'enabled' | 'forSending'>
  readonly visits: {
    of(member: VisitingMember): Pick<MemberVisits, 'read' | 'record' | 'standing'>
    in(shard: number): Pick<ShardVisits, 'eligible' | 'totals'>
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

/**
 * What identifying a caller takes, which comes before anything is done for them.
 * @param assumes whether members may be taken for who they were when they were read last
 * @param reads whether a key may be taken for good while its gate is asked
 */
export function makeIdentifyDeps(
  env: Bindings,
  db: Database,
  { assumes, reads = false }: { readonly assumes: boolean; readonly reads?: boolean },
): IdentifyDeps {
  const settings = settingsOf(env)
  return {
    settings,
    ...(assumes && { remembered: rememberedMembers(settings) }),
    ...(reads && { rememberedKeys: rememberedKeys(settings) }),
    identities: identitiesRepository(db),
    keyGates: keyGatesClient(env.KEYS),
    burstGuard: burstGuardOf(env.BURST),
  }
}

/** What a request says besides what it asks for; a trigger says nothing. */
interface Asked {
  /** Where it comes from. */
  readonly address: string | undefined
  /** Its URL. */
  readonly url: string | undefined
  readonly later: (work: Promise<unknown>) => void
  /** Of the stores, where it was read with the caller. */
  readonly generation: string | undefined
}

/** A trigger has nobody who waits for an answer, and does by itself what is left to be done. */
const BY_ITSELF: Asked = { address: undefined, url: undefined, later() {}, generation: undefined }

type Stores = ReturnType<typeof storesOf>

/** The generation is read once at most, and is another as soon as one begins. */
function storesOf(repository: ReturnType<typeof storesRepository>, generation: string | undefined) {
  let known = generation === undefined ? undefined : Promise.resolve(generation)
  return {
    ...repository,
    generation: async () => (known ??= repository.generation()),
    async mark(at: string) {
      const made = await repository.mark(at)
      known = Promise.resolve(made.generation)
      return made
    },
    async begin(next: string) {
      await repository.begin(next)
      known = Promise.resolve(next)
    },
  }
}

/** Everything, each made when it is asked for: a request uses a few of them. */
class Everything {
  readonly #env: Bindings
  readonly #session: Session
  readonly #asked: Asked
  /** Takes what is done after the answer. */
  readonly later: Asked['later']
  #stores: Stores | undefined
  /** Milliseconds since the epoch; the one time of everything done with these. */
  readonly now: number
  readonly settings: Settings
  /** What the repositories have noted; whoever follows up takes it from here. */
  readonly happened: Happened = []

  constructor(env: Bindings, session: Session, now: number, asked: Asked) {
    this.#env = env
    this.#session = session
    this.#asked = asked
    this.later = asked.later
    this.now = now
    this.settings = settingsOf(env)
  }

  get #db() {
    return this.#session.db
  }

  get #at() {
    return new Date(this.now).toISOString()
  }

  get prove() {
    return proofs(issuersOf(this.settings, this.#env.DB), this.now)
  }

  get proveIdToken() {
    return idTokens(issuersOf(this.settings, this.#env.DB), this.now)
  }

  /** What a token in a body would be taken for, or why for nothing. */
  get checkToken() {
    const issuers = issuersOf(this.settings, this.#env.DB)
    return tokenChecks(issuers, identitiesRepository(this.#db), this.now)
  }

  get keyStanding() {
    return async (trusted: TrustedIssuer) => keyStandingOf(trusted, this.now)
  }

  get signals() {
    return signalsRepository(this.#db, this.happened)
  }

  get sessionEnds() {
    return sessionEndsRepository(this.#db)
  }

  /**
   * Takes what an issuer tells: only what was verified is written. @throws as the verification does
   * @returns whether it was taken now, or before, or names a session that nobody has
   */
  get receive() {
    const [{ trustedIssuers }, now] = [this.settings, this.now]
    const taken = async (signal: ReceivedSignal) =>
      this.signals.receive(signal, newId('evt', now), this.#at)
    return {
      logoutToken: async (token: string) =>
        taken(await verifyLogoutToken(token, trustedIssuers, now)),
      securityEvent: async (token: string) =>
        taken(await verifySecurityEvent(token, trustedIssuers, now)),
    }
  }

  get profileSync() {
    return profileSyncRepository(this.#db)
  }

  get linkedIdentities() {
    return linkedIdentitiesRepository(this.#db)
  }

  get signedInAt() {
    const sessions = sessionAgeRepository(this.#db, this.now)
    return async (by: Authenticated) =>
      signedInAt(by, async (session) => sessions.begunAt(session), this.now)
  }

  get memberExport() {
    return memberExportRepository(this.#db)
  }

  get sessions() {
    return sessionsRepository(this.#db, this.now)
  }

  get stats() {
    return statsRepository(this.#db)
  }

  get users() {
    return usersRepository(this.#db)
  }

  get members() {
    return membersRepository(this.#db, this.happened)
  }

  get roles() {
    return rolesRepository(this.#db, this.happened)
  }

  get badges() {
    return badgesRepository(this.#db)
  }

  get badgeRules() {
    return badgeRulesRepository(this.#db)
  }

  get badgeAssignments() {
    return badgeAssignmentsRepository(this.#db)
  }

  get auditLog() {
    return auditLogRepository(this.#db)
  }

  get auditSeals() {
    return auditSealsRepository(this.#db)
  }

  /** The key that signs heads of the audit log now. */
  get auditKey() {
    return async () =>
      loadSigningKey(this.#db.$client, AUDIT_KEYS, this.settings.authSecret, this.now)
  }

  /** The names of all keys that have signed heads of the audit log, with their public halves. */
  get auditKeys() {
    return async () => publicKeys(this.#db.$client, AUDIT_KEYS, this.now)
  }

  /** Undefined where no bucket is bound. */
  get archive(): Archive | undefined {
    const { ARCHIVE } = this.#env
    return ARCHIVE && archiveIn(ARCHIVE)
  }

  get jobRuns() {
    return jobRunsRepository(this.#db, this.happened)
  }

  get loginRecords() {
    return loginRecordsRepository(this.#db)
  }

  get idempotency() {
    return idempotencyRepository(this.#db, this.happened)
  }

  get nameKeys() {
    return nameKeysRepository(this.#db)
  }

  get site() {
    return siteRepository(this.#db)
  }

  /** One for all, because it keeps what it was told. */
  get stores() {
    this.#stores ??= storesOf(storesRepository(this.#db), this.#asked.generation)
    return this.#stores
  }

  get visits() {
    const { stores } = this
    return visitsClient(this.#env.VISITS, this.#session.confirm, async () => stores.generation())
  }

  get jobRunner() {
    return jobRunnerClient(this.#env.JOBS, this.#session.confirm)
  }

  get apiKeys() {
    return apiKeysRepository(this.#db, this.happened)
  }

  get keyGates() {
    return keyGatesClient(this.#env.KEYS)
  }

  get refusals() {
    return refusalsRepository(this.#db)
  }

  /** How the site is, read anew. */
  get health() {
    return async () => healthInDetail(this.#env, this.now)
  }

  get services() {
    return servicesRepository(this.#db, this.#at, this.happened)
  }

  get bookings() {
    return bookingsRepository(this.#db, this.#at, this.happened)
  }

  get bookingClaims() {
    return bookingClaimsRepository(this.#db, this.#at)
  }

  get pageRules() {
    return pageRulesRepository(this.#db)
  }

  get feed() {
    return feedRepository(this.#db)
  }

  get webhooks() {
    return webhooksRepository(this.#db)
  }

  get webhookSenders() {
    const { stores } = this
    return webhookSendersClient(this.#env, this.#session.confirm, async () => stores.generation())
  }

  /** By which name the site was reached; undefined for triggers. */
  get siteHost() {
    const { url } = this.#asked
    return url === undefined ? undefined : new URL(url).hostname
  }

  get outbox() {
    return outboxRepository(this.#db)
  }

  get notices() {
    return noticesRepository(this.#db, this.#at)
  }

  get mailPreferences() {
    return mailPreferencesRepository(this.#db)
  }

  get calendarFeeds() {
    return calendarFeedsRepository(this.#db, this.#at)
  }

  /** Sends mail; undefined where none can be sent. */
  get mailer(): Mailer | undefined {
    return mailerOf(this.#env, this.settings)
  }

  /** Stands for an email address, however it is written. */
  get addressHash() {
    return async (email: string) =>
      siteHash(`mail ${email.normalize('NFC').toLowerCase()}`, this.settings, this.site)
  }

  /** The address at which whoever it names ends mail about bookings. */
  get mailEnds() {
    return mailEnds(this.settings, this.site)
  }

  get mintFeedSecret() {
    return async () => mintFeedSecret(await keyChecksums(this.settings, this.apiKeys, this.now))
  }

  get oldBookings() {
    return oldBookingsRepository(this.#db)
  }

  get guestData() {
    return guestDataRepository(this.#db)
  }

  get issueVisitorToken() {
    return async (returning?: Returning) =>
      issueVisitorToken(this.#db, this.settings, this.now, returning)
  }

  /** Stands for the network the request comes from; null if that is not known. */
  get network() {
    return async () => networkHash(this.#asked.address, this.settings, this.site)
  }

  get mintApiKey() {
    return async (keyId: KeyId) =>
      mintApiKey(keyId, await keyChecksums(this.settings, this.apiKeys, this.now))
  }
}

/** @param now milliseconds since the epoch */
export function makeDeps(
  env: Bindings,
  session: Session,
  now: number,
  asked: Asked = BY_ITSELF,
): SystemDeps {
  return new Everything(env, session, now, asked)
}
