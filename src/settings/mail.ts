/**
 * The settings of mail: of the built-in login, and to people about their bookings. A site without the
 * login tells people by mail, too, if it says where it is and whom mail is from.
 */
import * as z from 'zod'
import { EmailAddress } from './email-address.ts'
import { PublicUrl, type RawLoginSettings } from './login.ts'

export interface RawMailSettings {
  /** `off`: nobody is told by mail what becomes of their booking. Default `on`, where mail can be sent. */
  readonly BOOKING_MAILS?: string
  /** 1..1000 mails a day to an address without an account, and because of a network. Default 3. */
  readonly CONTACT_MAILS?: string
}

export const MAIL_SETTING_NAMES = [
  'BOOKING_MAILS',
  'CONTACT_MAILS',
] as const satisfies readonly (keyof RawMailSettings)[]

export interface MailSettings {
  /** The origin that links in mail begin with, without a path or a slash at the end. */
  readonly publicUrl: string
  /** Undefined if mail is printed. */
  readonly mailFrom: string | undefined
  /** Whether people are told what becomes of their bookings. */
  readonly tellsBookers: boolean
  /** How many mails a day go to an address without an account, and how many because of a network. */
  readonly perContact: number
}

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
  if (login) {
    const { publicUrl, mailFrom } = login
    return { publicUrl, mailFrom, tellsBookers, perContact }
  }
  if (!raw.MAIL_FROM || !raw.PUBLIC_URL) return undefined
  return {
    publicUrl: setting('PUBLIC_URL', PublicUrl(WITH_MAIL), raw.PUBLIC_URL),
    mailFrom: setting('MAIL_FROM', EmailAddress, raw.MAIL_FROM),
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
