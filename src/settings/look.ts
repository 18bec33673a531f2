/** What a site calls itself on the pages that people see, and whether it has a console. */
import * as z from 'zod'

export interface RawLookSettings {
  /** What people call the site; at the top of every page. Default Guildhall. */
  readonly SITE_NAME?: string
  /** The home page of the site, where its name and logo lead; an https URL or a path. Default `/`. */
  readonly SITE_URL?: string
  /** The logo: an https URL, or a path of this site. Without one there is the first letter of the name. */
  readonly SITE_LOGO?: string
  /** The one colour of buttons and links, as `#4f46e5`. */
  readonly SITE_ACCENT?: string
  /** `off` leaves out the console. Default `on` with the built-in login, which it needs. */
  readonly CONSOLE?: string
}

export const LOOK_SETTING_NAMES = [
  'SITE_NAME',
  'SITE_URL',
  'SITE_LOGO',
  'SITE_ACCENT',
  'CONSOLE',
] as const satisfies readonly (keyof RawLookSettings)[]

export interface LookSettings {
  readonly name: string
  readonly homeUrl: string
  /** Undefined for the first letter of the name. */
  readonly logoUrl: string | undefined
  /** In the form `#rrggbb`. */
  readonly accent: string
}

type Read = <S extends z.ZodType>(name: string, schema: S, value: unknown) => z.infer<S>

const Name = z.string().refine((name) => /^\P{Cc}{1,60}$/u.test(name) && name.trim() === name, {
  error: 'expected 1 to 60 characters on one line',
})

/** A path has one meaning everywhere: what browsers take for another host is none. */
const Place = z.string().refine(
  (text) => {
    if (/^\/(?![/\\])[!-~]*$/.test(text)) return URL.canParse(text, 'https://site.invalid')
    return URL.parse(text)?.protocol === 'https:'
  },
  { error: 'expected an https URL, or a path such as "/"' },
)

const Accent = z.string().regex(/^#[0-9a-f]{6}$/i, 'expected a colour such as "#4f46e5"')

/** @param setting parses one value. @throws what it throws, for the first that cannot be used */
export function parseLookSettings(raw: RawLookSettings, setting: Read): LookSettings {
  return {
    name: setting('SITE_NAME', Name, raw.SITE_NAME || 'Guildhall'),
    homeUrl: setting('SITE_URL', Place, raw.SITE_URL || '/'),
    logoUrl: setting('SITE_LOGO', Place.optional(), raw.SITE_LOGO || undefined),
    accent: setting('SITE_ACCENT', Accent, raw.SITE_ACCENT || '#4f46e5').toLowerCase(),
  }
}

/** @param hasLogin whether people can sign in here, which is what the console goes by */
export function parseConsoleSetting(
  raw: RawLookSettings,
  hasLogin: boolean,
  setting: Read,
): boolean {
  const OnOff = z.enum(['on', 'off'], { error: 'expected "on" or "off"' })
  const isOn = setting('CONSOLE', OnOff, raw.CONSOLE || (hasLogin ? 'on' : 'off')) === 'on'
  const Off = z.literal(false, { error: 'needs the built-in login: BUILT_IN_LOGIN=on' })
  if (!hasLogin) setting('CONSOLE', Off, isOn)
  return isOn
}
