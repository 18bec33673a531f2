/**
 * The settings of mail: of the built-in login, and to people about their bookings. A site without the
 * login tells people by mail, too, if it says where it is and whom mail is from.
 */
import * as z from 'zod'
import { EmailAddress } from './email-address.ts'
import { jsonIn } from './json.ts'
import { PublicUrl, type RawLoginSettings } from './login.ts'

export interface RawMailSettings {
  /** `off`: nobody is told by mail what becomes of their booking. Default `on`, where mail can be sent. */
  readonly BOOKING_MAILS?: string
  /** 1..1000 mails a day to an address without an account, and because of a network. Default 3. */
  readonly CONTACT_MAILS?: string
  /** JSON: who sends mail in place of the `MAIL` binding, as `{"name":"postmark","key":"…"}`. */
  readonly MAIL_SERVICE?: string
}

export const MAIL_SETTING_NAMES = [
  'BOOKING_MAILS',
  'CONTACT_MAILS',
  'MAIL_SERVICE',
] as const satisfies readonly (keyof RawMailSettings)[]

export interface MailSettings {
  /** The origin that links in mail begin with, without a path or a slash at the end. */
  readonly publicUrl: string
  /** Undefined if mail is printed. */
  readonly mailFrom: string | undefined
  /** Undefined if the `MAIL` binding sends it. */
  readonly service: MailService | undefined
  /** Whether people are told what becomes of their bookings. */
  readonly tellsBookers: boolean
  /** How many mails a day go to an address without an account, and how many because of a network. */
  readonly perContact: number
}

const EXPECTED = 'expected a JSON object such as {"name":"postmark","key":"…"}'
const EXPECTED_KEY =
  'expected the key of the service: 8 to 500 letters, digits and signs of ASCII, without spaces'
const MailService = z.strictObject(
  {
    name: z.enum(['postmark', 'resend'], { error: 'expected "postmark" or "resend"' }),
    // What is no visible ASCII could not be sent in a header.
    key: z.string().regex(/^[!-~]{8,500}$/, EXPECTED_KEY),
  },
  { error: ({ code }) => (code === 'invalid_type' ? EXPECTED : undefined) },
)
export type MailService = z.infer<typeof MailService>

type Read = <S extends z.ZodType>(name: string, schema: S, value: unknown) => z.infer<S>

const WITH_MAIL = 'to send mail'

/**
 * @param login where the built-in login has said already where the site is and whom mail is from
 * @param setting parses one value
 * @returns undefined where nothing says whom mail is from. @throws what `setting` throws
 */
export function parseMailSettings(
  raw: RawMailSettings & RawLoginSettings,
  login: Pick<MailSettings, 'publicUrl' | 'mailFrom'> | undefined,
  setting: Read,
): MailSettings | undefined {
  const OnOff = z.enum(['on', 'off'], { error: 'expected "on" or "off"' })
  const tellsBookers = setting('BOOKING_MAILS', OnOff, raw.BOOKING_MAILS || 'on') === 'on'
  const perContact = setting('CONTACT_MAILS', PerDay, raw.CONTACT_MAILS || '3')
  const service = setting(
    'MAIL_SERVICE',
    MailService.optional(),
    raw.MAIL_SERVICE ? jsonIn(raw.MAIL_SERVICE) : undefined,
  )
  if (login) {
    const { publicUrl, mailFrom } = login
    return { publicUrl, mailFrom, service, tellsBookers, perContact }
  }
  if (!raw.MAIL_FROM || !raw.PUBLIC_URL) return undefined
  return {
    publicUrl: setting('PUBLIC_URL', PublicUrl(WITH_MAIL), raw.PUBLIC_URL),
    mailFrom: setting('MAIL_FROM', EmailAddress, raw.MAIL_FROM),
    service,
    tellsBookers,
    perContact,
  }
}

const PerDay = z
  .string()
  .refine((text) => /^[1-9]\d{0,3}$/.test(text) && Number(text) <= 1000, {
    error: 'expected a whole number from 1 to 1000',
  })
  .transform(Number)
