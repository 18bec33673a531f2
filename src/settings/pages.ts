/**
 * The settings of pages: of the site that the Worker stands in front of, and of a proxy that asks who
 * may open a page. Without an origin and without a proxy there are none, and nothing of it is loaded.
 */
import * as z from 'zod'
import { AuthSecret, PublicUrl } from './login.ts'

export interface RawPagesSettings {
  /** A binding and no text: the Worker of the site. It is here because other settings go with it. */
  readonly PAGES?: object | undefined
  /** The https origin of the site where it has no Worker, on another hostname than this one. */
  readonly PAGES_ORIGIN?: string
  /** `on`: `Authorization` on pages is for their origin, and not read here. Default `off`. */
  readonly PAGES_PASS_AUTHORIZATION?: string
  /** `on`: scripts of the origin may be service workers. Default `off`. */
  readonly PAGES_SERVICE_WORKER?: string
  /** Which server asks `GET /v1/page-access`, and so where it says the path. */
  readonly PAGES_FORWARD_AUTH?: string
  /** At least 32 random characters, by which that server is known. */
  readonly PAGES_PROXY_SECRET?: string
}

export const PAGES_SETTING_NAMES = [
  'PAGES_ORIGIN',
  'PAGES_PASS_AUTHORIZATION',
  'PAGES_SERVICE_WORKER',
  'PAGES_FORWARD_AUTH',
  'PAGES_PROXY_SECRET',
] as const satisfies readonly (keyof RawPagesSettings)[]

/** Where a proxy says the path: nginx in `X-Original-URI`, two in `X-Forwarded-Uri`, any in a query. */
export type AskingProxy = 'nginx' | 'caddy' | 'traefik' | 'query'

export interface PagesSettings {
  /** The one origin with pages, which is also where people sign in. */
  readonly publicUrl: string
  /** What the keys that sign assertions are encrypted with. */
  readonly secret: string
  readonly passesAuthorization: boolean
  readonly allowsServiceWorkers: boolean
  /** Undefined where the Worker stands in front of nothing. */
  readonly front: PagesFront | undefined
  /** Undefined where nobody asks. */
  readonly proxy: { readonly kind: AskingProxy; readonly secret: string } | undefined
}

export interface PagesFront {
  /** What the origin is called at itself: of a Worker, the origin of the site. */
  readonly origin: string
}

type Read = <S extends z.ZodType>(name: string, schema: S, value: unknown) => z.infer<S>

const OnOff = z.enum(['on', 'off'], { error: 'expected "on" or "off"' })
const Proxy = z.enum(['nginx', 'caddy', 'traefik', 'query'], {
  error: 'expected "nginx", "caddy", "traefik" or "query"',
})
const ProxySecret = z
  .string({ error: 'needed with PAGES_FORWARD_AUTH: at least 32 random characters' })
  .regex(/^[\x21-\x7e]{32,}$/, 'expected at least 32 random characters, without blanks')

/** @param setting parses one value. @throws what it throws, for the first that cannot be used */
export function parsePagesSettings(
  raw: RawPagesSettings & { readonly PUBLIC_URL?: string; readonly AUTH_SECRET?: string },
  setting: Read,
): PagesSettings | undefined {
  const isOn = (name: 'PAGES_PASS_AUTHORIZATION' | 'PAGES_SERVICE_WORKER') =>
    setting(name, OnOff, raw[name] || 'off') === 'on'
  const [passesAuthorization, allowsServiceWorkers] = [
    isOn('PAGES_PASS_AUTHORIZATION'),
    isOn('PAGES_SERVICE_WORKER'),
  ]
  const kind = setting('PAGES_FORWARD_AUTH', Proxy.optional(), raw.PAGES_FORWARD_AUTH || undefined)
  const isBound = raw.PAGES !== undefined
  if (!isBound && !raw.PAGES_ORIGIN && kind === undefined) return undefined
  const publicUrl = setting('PUBLIC_URL', PublicUrl('with pages'), raw.PUBLIC_URL)
  const NoOrigin = z.undefined({ error: 'the binding PAGES is the origin: leave one of them out' })
  const origin = isBound
    ? setting('PAGES_ORIGIN', NoOrigin, raw.PAGES_ORIGIN || undefined)
    : setting('PAGES_ORIGIN', originBeside(publicUrl).optional(), raw.PAGES_ORIGIN || undefined)
  const isInFront = isBound || origin !== undefined
  return {
    publicUrl,
    secret: setting('AUTH_SECRET', AuthSecret('with pages'), raw.AUTH_SECRET || undefined),
    passesAuthorization,
    allowsServiceWorkers,
    front: isInFront ? { origin: origin ?? publicUrl } : undefined,
    proxy: kind && {
      kind,
      secret: setting('PAGES_PROXY_SECRET', ProxySecret, raw.PAGES_PROXY_SECRET || undefined),
    },
  }
}

/** The site would ask itself on its own hostname, and whoever is on the way reads what is not encrypted. */
function originBeside(publicUrl: string) {
  const site = new URL(publicUrl)
  return z
    .string()
    .refine((text) => URL.canParse(text) && new URL(text).origin === text, {
      error:
        'expected an origin such as "https://site.example", without a name, a password or a path',
      abort: true,
    })
    .refine((text) => isPrivateWay(new URL(text), site), {
      error: 'expected https; http only to this machine, from a PUBLIC_URL on it',
    })
    .refine((text) => new URL(text).hostname !== site.hostname, {
      error: `expected another hostname than that of PUBLIC_URL, ${site.hostname}`,
    })
}

function isPrivateWay({ protocol, hostname }: URL, site: URL): boolean {
  if (protocol === 'https:') return true
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  return protocol === 'http:' && isHere && site.protocol === 'http:'
}
