/** A member whose private fields can be recognized wherever they turn up. */
import { onTestFinished, vi } from 'vitest'
import { ISSUER, type Member, type Reply, type Site } from './site.ts'

const SUBJECT = 'canary-subject-7341'
/** The body of her `PATCH /v1/me`. */
export const DETAILS = {
  phone: '+4930734100734',
  address: {
    line1: 'canary-line1-7341',
    line2: 'canary-line2-7341',
    city: 'canary-city-7341',
    region: 'canary-region-7341',
    postalCode: 'canary-code-7341',
    country: 'canary-country-7341',
  },
}
const EMAIL = 'canary-email-7341@example.com'

/** Fields that the member, moderators and admins may see, by name. */
export const PROFILE: Readonly<Record<string, string>> = {
  email: EMAIL,
  phone: DETAILS.phone,
  ...DETAILS.address,
}

/** Fields that the member and whoever manages bookings may see. */
export const BOOKING = {
  contactName: 'canary-name-7341',
  contactEmail: 'canary-contact-7341@example.com',
  contactPhone: '+4930734100735',
  note: 'canary-note-7341',
  /** The reason why the booking was declined. */
  reason: 'canary-reason-7341',
}

/** Values that nobody may see, whoever they are. */
export const IDENTITY: Readonly<Record<string, string>> = {
  subject: SUBJECT,
  hash: await sha256(`${ISSUER.issuer}\n${SUBJECT}`),
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export async function canaryMember(site: Site): Promise<Member> {
  const canary = await site.member(SUBJECT, { email: EMAIL, name: 'Vera' })
  await canary.patch('/v1/me', DETAILS)
  return canary
}

/** Books with an Idempotency-Key, so that the answer is stored. @returns the id of the booking */
export async function canaryBooking(canary: Member, slotId: string): Promise<string> {
  const { contactName: name, contactEmail: email, contactPhone: phone, note } = BOOKING
  const booking = { slotId, note, contact: { name, email, phone } }
  const headers = { 'Idempotency-Key': 'booking' }
  return (await canary.post('/v1/bookings', booking, { headers })).body.id
}

/** A token of the member that is no longer valid. */
export function expiredToken(): Promise<string> {
  return ISSUER.sign({ sub: SUBJECT, email: EMAIL, exp: 1 })
}

/** Names of fields whose values are in `said`, anywhere and in any spelling that a cursor uses. */
export function leaksIn(said: unknown): string[] {
  const text = textOf(said)
  const decoded = text.replaceAll(/[\w-]{24,}/g, (word) => `${word} ${decodedBase64url(word)}`)
  return Object.entries({ ...PROFILE, ...BOOKING, ...IDENTITY })
    .filter(([, value]) => decoded.toLowerCase().includes(value.toLowerCase()))
    .map(([name]) => name)
    .sort()
}

/** The status, headers and body of an answer. */
export function allOf({ status, headers, text }: Reply): unknown {
  return { status, headers: [...headers], text }
}

function decodedBase64url(word: string): string {
  try {
    return atob(word.replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    return ''
  }
}

/** The value as JSON, with the fields of errors that JSON leaves out. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (!(each instanceof Error)) return each
    const { name, message, stack, cause } = each
    return { ...Object(each), name, message, stack, cause }
  })
}

/** All that is written to the console until the test is over. */
export function watchConsole(): unknown[][] {
  const written: unknown[][] = []
  for (const method of ['debug', 'log', 'info', 'warn', 'error', 'trace'] as const) {
    const spy = vi.spyOn(console, method).mockImplementation((...all) => void written.push(all))
    onTestFinished(() => spy.mockRestore())
  }
  return written
}
