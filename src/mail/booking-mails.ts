/**
 * What mails about bookings say, as plain text and as HTML with the calendar entry. One frame for all of
 * them; what differs is a headline and a sentence. To an address that nobody has confirmed it says
 * nothing that whoever booked has typed: neither note, nor name, nor reason.
 */
import { html } from 'hono/html'
import { type Entry, messageOf } from '../calendar/entries.ts'
import type { Mail } from '../env.ts'

export type Told = 'requested' | 'confirmed' | 'declined' | 'canceled' | 'slot removed'

/** How the site shows itself. */
export interface Look {
  readonly name: string
  /** Its home page. */
  readonly url: string
  /** A color of CSS. */
  readonly accent: string
}

export interface BookingMail {
  readonly told: Told
  readonly to: string
  readonly from: string
  readonly look: Look
  readonly booking: Entry & { readonly reason: string | null }
  /** An IANA name: on whose clocks the time is said. */
  readonly timeZone: string
  /** Whether the address is a member's own, which somebody has confirmed. */
  readonly isConfirmed: boolean
  /** Where the entry is that can be added to a calendar; undefined for a booking that is none any more. */
  readonly entryUrl: string | undefined
  /** Where this ends, with one press or by a mail program alone. */
  readonly endUrl: string
}

const SAYS: Record<Told, { readonly headline: string; readonly sentence: string }> = {
  requested: {
    headline: 'Requested',
    sentence: 'The booking has been made and is waiting to be confirmed. You will hear of that.',
  },
  confirmed: { headline: 'Confirmed', sentence: 'The booking is confirmed.' },
  declined: { headline: 'Declined', sentence: 'The booking cannot be confirmed.' },
  canceled: { headline: 'Canceled', sentence: 'The booking is canceled.' },
  'slot removed': {
    headline: 'Canceled',
    sentence: 'The booking is canceled, for its time was taken off the schedule.',
  },
}

export async function bookingMail(mail: BookingMail): Promise<Mail> {
  const { told, to, from, look, isConfirmed, endUrl } = mail
  const { headline, sentence } = SAYS[told]
  const entry = isConfirmed ? mail.booking : { ...mail.booking, note: null }
  const service = inOneLine(entry.serviceName ?? 'Booking')
  const when = timeOf(entry, mail.timeZone)
  const reason = isConfirmed ? mail.booking.reason : null
  const method = told === 'requested' || told === 'confirmed' ? 'REQUEST' : 'CANCEL'
  const parts = { headline, sentence, service, when, reason, mail }
  const file = messageOf(entry, { method, from: { name: look.name, email: from }, to })
  return {
    to,
    subject: `${headline}: ${service}, ${when}`,
    text: textOf(parts),
    html: await htmlOf(parts),
    headers: {
      'List-Unsubscribe': `<${endUrl}>`,
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    },
    attachments: [
      {
        disposition: 'attachment',
        filename: 'booking.ics',
        type: `text/calendar; charset=utf-8; method=${method}`,
        content: bytesOf(file),
      },
    ],
  }
}

interface Parts {
  readonly headline: string
  readonly sentence: string
  readonly service: string
  readonly when: string
  readonly reason: string | null
  readonly mail: BookingMail
}

function textOf({ sentence, service, when, reason, mail }: Parts): string {
  const { look, entryUrl, endUrl } = mail
  return [
    sentence,
    `${service}\n${when}`,
    ...(reason === null ? [] : [`Reason: ${reason}`]),
    ...(entryUrl === undefined ? [] : [`Add it to your calendar: ${entryUrl}`]),
    `-- \n${look.name}\n${look.url}\n\n${endingOf(mail)}: ${endUrl}`,
  ].join('\n\n')
}

/** Styles stand with what they style, for mail programs drop style sheets. */
async function htmlOf(parts: Parts): Promise<string> {
  const { headline, sentence, service, when, reason, mail } = parts
  const { look, entryUrl, endUrl } = mail
  const small = 'color:#666;font-size:13px'
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${headline}: ${service}</title>
      </head>
      <body style="margin:0;padding:24px;font:16px/1.5 system-ui,sans-serif;color:#222">
        <div
          style="max-width:34em;margin:auto;border-top:4px solid ${look.accent};padding-top:16px"
        >
          <p style="margin:0 0 16px;${small}">${look.name}</p>
          <h1 style="margin:0 0 8px;font-size:22px">${headline}</h1>
          <p>${sentence}</p>
          <p><strong>${service}</strong><br />${when}</p>
          ${reason === null ? '' : html`<p style="white-space:pre-line">Reason: ${reason}</p>`}
          ${
            entryUrl === undefined
              ? ''
              : html`<p>
                  <a href="${entryUrl}" style="color:${look.accent}">Add it to your calendar</a>
                </p>`
          }
          <p style="margin-top:32px;${small}">
            <a href="${look.url}" style="color:inherit">${look.name}</a><br />
            <a href="${endUrl}" style="color:inherit">${endingOf(mail)}</a>
          </p>
        </div>
      </body>
    </html>`
  return page.toString()
}

function endingOf({ isConfirmed }: BookingMail): string {
  return isConfirmed ? 'No more mail about your bookings' : 'No more mail from this site'
}

/** As in `Wednesday, 1 May 2030, 10:00–11:00 (Europe/Berlin)`; both ends in full if it ends on another day. */
function timeOf({ startsAt, endsAt }: Entry, timeZone: string): string {
  const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeZone })
  const time = new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone,
    timeZoneName: 'longOffset',
  })
  const [start, end] = [startsAt, endsAt].map((at) => new Date(at))
  const [from, to] = [start, end].map((at) => ({ day: day.format(at), ...clockOf(time, at) }))
  if (!from || !to) return ''
  const until = from.day === to.day ? to.clock : `${to.day}, ${to.clock}`
  // On the night clocks change, an hour may be there twice.
  const offsets = from.offset === to.offset ? '' : `, ${from.offset} until ${to.offset}`
  return `${from.day}, ${from.clock}–${until} (${timeZone}${offsets})`
}

function clockOf(format: Intl.DateTimeFormat, at: Date | undefined) {
  const parts = format.formatToParts(at)
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? ''
  return { clock: `${part('hour')}:${part('minute')}`, offset: part('timeZoneName') }
}

function bytesOf(text: string): ArrayBuffer {
  return new Uint8Array(new TextEncoder().encode(text)).buffer
}

/** A subject has no line breaks. */
function inOneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}
