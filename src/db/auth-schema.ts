/**
 * The tables of the built-in login as drizzle sees them. The names of the fields are the ones that
 * better-auth looks for.
 */
import { customType, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** RFC 3339 UTC with milliseconds in the table, a `Date` in memory. */
const instant = customType<{ data: Date; driverData: string }>({
  dataType: () => 'text',
  toDriver: (date) => date.toISOString(),
  fromDriver: (stored) => new Date(stored),
})

export const authUsers = sqliteTable('auth_users', {
  id: text().primaryKey(),
  name: text().notNull(),
  /** The address in lower case; somebody has read mail that was sent to it. */
  email: text().notNull(),
  emailVerified: integer('email_verified', { mode: 'boolean' }).notNull(),
  image: text(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})

export const authSessions = sqliteTable('auth_sessions', {
  /** The `sid` of tokens. */
  id: text().primaryKey(),
  /** What the cookie carries, signed. */
  token: text().notNull(),
  /** The account of the built-in login; null for somebody whom an outside provider has signed in. */
  userId: text('user_id'),
  expiresAt: instant('expires_at').notNull(),
  ipAddress: text('ip_address'),
  userAgent: text('user_agent'),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
  /** The outside provider, and whom it has signed in; both null for an account. */
  issuer: text(),
  subject: text(),
  /** What the provider calls its own session, if it says so. */
  sid: text(),
})

export const authAccounts = sqliteTable('auth_accounts', {
  id: text().primaryKey(),
  accountId: text('account_id').notNull(),
  providerId: text('provider_id').notNull(),
  userId: text('user_id').notNull(),
  accessToken: text('access_token'),
  refreshToken: text('refresh_token'),
  idToken: text('id_token'),
  accessTokenExpiresAt: instant('access_token_expires_at'),
  refreshTokenExpiresAt: instant('refresh_token_expires_at'),
  scope: text(),
  /** The hash in the form that `hashPassword` writes. */
  password: text(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})

export const authVerifications = sqliteTable('auth_verifications', {
  id: text().primaryKey(),
  identifier: text().notNull(),
  value: text().notNull(),
  expiresAt: instant('expires_at').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})

export const authPasskeys = sqliteTable('auth_passkeys', {
  id: text().primaryKey(),
  name: text(),
  publicKey: text('public_key').notNull(),
  userId: text('user_id').notNull(),
  credentialID: text('credential_id').notNull(),
  counter: integer().notNull(),
  deviceType: text('device_type').notNull(),
  backedUp: integer('backed_up', { mode: 'boolean' }).notNull(),
  transports: text(),
  createdAt: instant('created_at'),
  aaguid: text(),
})

export const authTickets = sqliteTable('auth_tickets', {
  secretHash: text('secret_hash').primaryKey(),
  purpose: text({ enum: ['sign-up', 'reset', 'change-email'] }).notNull(),
  email: text().notNull(),
  name: text(),
  userId: text('user_id'),
  expiresAt: instant('expires_at').notNull(),
  isUsed: integer('is_used', { mode: 'boolean' }).notNull().default(false),
})

export const authAttempts = sqliteTable('auth_attempts', {
  subject: text().primaryKey(),
  attempts: integer().notNull(),
  /** Milliseconds since the epoch. */
  endsAt: integer('ends_at').notNull(),
  /** A hash of the account whose password was tried. */
  account: text(),
})

export const authPlaces = sqliteTable('auth_places', {
  /** A keyed hash; see `auth/places.ts`. */
  place: text().primaryKey(),
  userId: text('user_id').notNull(),
  /** Milliseconds since the epoch. */
  endsAt: integer('ends_at').notNull(),
})

export const tokenKeys = sqliteTable('token_keys', {
  kid: text().primaryKey(),
  use: text({ enum: ['member', 'visitor', 'page', 'audit'] }).notNull(),
  /** Which secret the private half is encrypted with; see `security/tokens/sealing.ts`. */
  sealedBy: text('sealed_by').notNull(),
  publicJwk: text('public_jwk', { mode: 'json' })
    .$type<Readonly<Record<string, string>>>()
    .notNull(),
  privateJwk: text('private_jwk').notNull(),
  /** Milliseconds since the epoch, as is `signsUntil`. */
  signsFrom: integer('signs_from').notNull(),
  signsUntil: integer('signs_until').notNull(),
  /** When the last token ends that is good for longer than usual; 0 if it has signed none. */
  tokensUntil: integer('tokens_until').notNull(),
})
