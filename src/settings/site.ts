/** What the product's pages say of the site they are part of: its name, its home page, its logo and its colour. */
import * as z from 'zod'

export interface RawSiteSettings {
  /** What the site is called on pages and in mail. Default `Guildhall`. */
  readonly SITE_NAME?: string
  /** The https URL of the home page, which the logo leads to. Default `/`, where the product is. */
  readonly SITE_URL?: string
  /** The https URL of an image, which browsers fetch and the Worker never does. */
  readonly SITE_LOGO?: string
  /** `#rrggbb`: buttons, links and whatever is chosen. */
  readonly SITE_ACCENT?: string
}

export const SITE_SETTING_NAMES = [
  'SITE_NAME',
  'SITE_URL',
  'SITE_LOGO',
  'SITE_ACCENT',
] as const satisfies readonly (keyof RawSiteSettings)[]

export interface SiteSettings {
  readonly name: string
  /** A URL, or the path of the product's own start. */
  readonly homeUrl: string
  readonly logoUrl: string | undefined
  /** Undefined for the colour of the style sheet. */
  readonly accent: Accent | undefined
}

/** A colour and what can be read with it, each as `#rrggbb`. */
export interface Accent {
  /** The colour as it was given, for surfaces. */
  readonly fill: string
  /** The text on it: white or black. */
  readonly onFill: string
  /** The colour as text on light surfaces, as dark as it has to be. */
  readonly onLight: string
  /** The colour as text on dark surfaces, as light as it has to be. */
  readonly onDark: string
}

/** WCAG 2.2, success criterion 1.4.3, for text of any size. */
const READABLE = 4.5

/** The least white and the least black surface that text of this colour is on. */
const LIGHT_SURFACE = '#f0f1f4'
const DARK_SURFACE = '#262b36'

const WHITE = '#ffffff'
const BLACK = '#000000'

const Name = z
  .string()
  .trim()
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]{1,60}$/u, 'expected one line of up to 60 characters')

const HttpsUrl = z
  .string()
  .refine((text) => URL.canParse(text) && isPlainHttps(new URL(text)), {
    error: 'expected an https URL such as "https://members.example/", without a name or a password',
  })
  .transform((text) => new URL(text).href)

function isPlainHttps({ protocol, username, password }: URL): boolean {
  return protocol === 'https:' && username === '' && password === ''
}

const Colour = z
  .string()
  .regex(/^#[0-9a-fA-F]{6}$/, 'expected a colour such as "#0b5fff"')
  .transform((text) => text.toLowerCase())

type Read = <S extends z.ZodType>(name: string, schema: S, value: unknown) => z.infer<S>

/** @param setting parses one value. @throws what it throws, for the first that cannot be used */
export function parseSiteSettings(raw: RawSiteSettings, setting: Read): SiteSettings {
  const colour = setting('SITE_ACCENT', Colour.optional(), raw.SITE_ACCENT || undefined)
  return {
    name: setting('SITE_NAME', Name, raw.SITE_NAME || 'Guildhall'),
    homeUrl: setting('SITE_URL', HttpsUrl.optional(), raw.SITE_URL || undefined) ?? '/',
    logoUrl: setting('SITE_LOGO', HttpsUrl.optional(), raw.SITE_LOGO || undefined),
    accent: colour === undefined ? undefined : accentOf(colour),
  }
}

/** Of any colour, something that can be read: no site has to know the rules of contrast. */
export function accentOf(fill: string): Accent {
  return {
    fill,
    onFill: contrast(fill, WHITE) >= READABLE ? WHITE : BLACK,
    onLight: readableOn(LIGHT_SURFACE, fill, BLACK),
    onDark: readableOn(DARK_SURFACE, fill, WHITE),
  }
}

/** The colour with as little of `towards` as makes it readable on the surface. */
function readableOn(surface: string, colour: string, towards: string): string {
  const shades = Array.from({ length: 21 }, (_, step) => mixed(colour, towards, step / 20))
  return shades.find((shade) => contrast(shade, surface) >= READABLE) ?? towards
}

function mixed(colour: string, other: string, share: number): string {
  const others = channelsOf(other)
  const channels = channelsOf(colour).map((channel, index) =>
    Math.round(channel + ((others[index] ?? channel) - channel) * share),
  )
  return `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`
}

/** The contrast ratio of WCAG 2.2, from 1 to 21. */
export function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (lighter + 0.05) / (darker + 0.05)
}

/** The relative luminance of WCAG 2.2. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = channelsOf(colour).map((channel) => {
    const share = channel / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function channelsOf(colour: string): readonly number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))
}
