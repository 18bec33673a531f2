/** Somebody's own profile, the ways they sign in by, and the way out. */
import type { GuildhallError } from '../../client/index.ts'
import { Field, TextArea } from '../../look/forms.tsx'
import { Card, Face, Head, Pill, Time } from '../../look/parts.tsx'
import type { Client } from '../api.ts'
import type { ConsoleApp, ConsoleContext } from '../context.ts'
import { attempt, Both, Confirm, confirmed, MadeOf, revisionOf, wordFor } from '../edit.tsx'
import { done } from '../flash.ts'
import { faultsOf, type Form } from '../forms.ts'
import { wholeOf } from '../lists.ts'
import { Refusal, statusOf } from '../refusal.tsx'
import type { Child } from 'hono/jsx'
import type { Fault } from '../fault.tsx'
import { nothingHere } from '../nothing-here.tsx'
import { show } from '../shell.tsx'

type Me = Awaited<ReturnType<Client['v1']['me']['$get']>>
type Identity = Awaited<ReturnType<Client['v1']['me']['identities']['$get']>>['items'][number]

const HOME = '/account/profile'

/** The fields of the form: what each is called, and how it is read from the profile. */
const FIELDS = {
  displayName: { label: 'Name', of: (me: Me) => me.displayName },
  bio: { label: 'About you', of: (me: Me) => me.bio },
  avatarUrl: { label: 'Picture', of: (me: Me) => me.avatarUrl },
  phone: { label: 'Phone', of: (me: Me) => me.phone },
  line1: { label: 'Street and number', of: (me: Me) => me.address?.line1 },
  line2: { label: 'More of the address', of: (me: Me) => me.address?.line2 },
  postalCode: { label: 'Postal code', of: (me: Me) => me.address?.postalCode },
  city: { label: 'City', of: (me: Me) => me.address?.city },
  region: { label: 'Region', of: (me: Me) => me.address?.region },
  country: { label: 'Country', of: (me: Me) => me.address?.country },
} as const
type Name = keyof typeof FIELDS
const NAMES = [
  'displayName',
  'bio',
  'avatarUrl',
  'phone',
  'line1',
  'line2',
  'postalCode',
  'city',
  'region',
  'country',
] as const satisfies readonly Name[]

/** What the form shows for each field, and what is wrong with it. */
interface Shown {
  readonly c: ConsoleContext
  readonly status: number | undefined
  readonly textOf: (name: Name) => string
  readonly faults: Readonly<Record<string, string | undefined>>
}

export function accountProfilePages(app: ConsoleApp): void {
  app.get(HOME, async (c) => profilePage(c, await c.var.client.v1.me.$get()))

  app.post(HOME, async (c) => {
    const { form, client } = c.var
    form.need(NAMES)
    const refused = await attempt(
      client.v1.me.$patch({ json: patchOf(form), ifMatch: revisionOf(c) }),
    )
    if (!refused) return done(c, HOME, 'saved')
    return profilePage(c, await client.v1.me.$get(), refused)
  })

  app.post(`${HOME}/identities/:identityId/unlink`, async (c) => {
    const param = { identityId: c.req.param('identityId') }
    await c.var.client.v1.me.identities[':identityId'].$delete({ param })
    return done(c, HOME, 'unlinked')
  })

  app.get(`${HOME}/delete`, async (c) => {
    if (!c.env.request.allowsSelfDeletion) return noSelfDeletion(c)
    return deletePage(c, await c.var.client.v1.me.$get())
  })

  app.post(`${HOME}/delete`, async (c) => {
    const { client } = c.var
    const me = await client.v1.me.$get()
    const fault = await confirmed(c, wordFor(me.displayName, me.id), () => client.v1.me.$delete())
    return fault ? deletePage(c, me, fault) : c.redirect('/', 303)
  })
}

async function profilePage(c: ConsoleContext, me: Me, refused?: GuildhallError) {
  const { form, client } = c.var
  const { items: identities } = await wholeOf(
    client.all(client.v1.me.identities.$get, { query: { limit: 100 } }),
  )
  const entries = NAMES.map((name) => {
    const there = FIELDS[name].of(me) ?? ''
    return { name, label: FIELDS[name].label, there, typed: refused ? form.text(name) : there }
  })
  const textOf = (of: Name) => entries.find(({ name }) => name === of)?.typed ?? ''
  const isStale = refused?.code === 'precondition_failed'
  const body = (
    <>
      <Head
        title="Profile"
        lead="Your name, picture, what you write about yourself and your badges are public. The rest is not."
      />
      {isStale && (
        <Both fields={entries.map(({ label, there, typed }) => ({ name: label, there, typed }))} />
      )}
      {refused && !isStale && <Refusal error={refused} />}
      <ProfileForm
        c={c}
        me={me}
        textOf={textOf}
        faults={faultsOf(refused)}
        status={refused?.status}
      />
      <Identities identities={identities} />
      {c.env.request.allowsSelfDeletion && (
        <Card title="Delete your account" danger>
          <p>Your profile, visits and badges are erased, and what you have booked becomes free.</p>
          <span>
            <a class="button danger" href={`${HOME}/delete`}>
              Delete my account
            </a>
          </span>
        </Card>
      )}
    </>
  )
  return show(c, { title: 'Profile', body, ...(refused && { status: statusOf(refused) }) })
}

const ProfileForm = ({ c, me, textOf, faults, status }: Shown & { readonly me: Me }) => {
  const field = (name: Name, path: string = name) => ({
    name,
    label: FIELDS[name].label,
    value: textOf(name),
    error: faults[path],
  })
  return (
    <form method="post" action={HOME}>
      <Card footer={<button>Save</button>}>
        <MadeOf c={c} revision={me.revision} status={status} />
        <div class="row top">
          <Face name={me.displayName} url={me.avatarUrl} big />
          <div class="grow stack">
            <Field {...field('displayName')} required maxlength={80} autocomplete="name" />
            <Field
              {...field('avatarUrl')}
              type="url"
              maxlength={2048}
              hint="The https address of an image."
            />
          </div>
        </div>
        <TextArea {...field('bio')} maxlength={1000} />
        <Field
          {...field('phone')}
          type="tel"
          maxlength={16}
          autocomplete="tel"
          hint="With the country code, as in +4930123456."
        />
        <fieldset class="stack">
          <legend class="only-read">Address</legend>
          <div class="grid two">
            <Field {...field('line1', 'address.line1')} autocomplete="address-line1" />
            <Field {...field('line2', 'address.line2')} autocomplete="address-line2" />
            <Field {...field('postalCode', 'address.postalCode')} autocomplete="postal-code" />
            <Field {...field('city', 'address.city')} autocomplete="address-level2" />
            <Field {...field('region', 'address.region')} autocomplete="address-level1" />
            <Field {...field('country', 'address.country')} autocomplete="country-name" />
          </div>
        </fieldset>
      </Card>
    </form>
  )
}

const Identities = ({ identities }: { readonly identities: readonly Identity[] }) => (
  <Card title="Ways you sign in" flush>
    <ul class="things">
      {identities.map(({ id, issuer, createdAt, current }) => (
        <li>
          <span class="grow">
            <strong>{issuer === 'built-in' ? 'The login of this site' : issuer}</strong>
            <br />
            <span class="muted small">
              Since <Time at={createdAt} form="day" />
            </span>
          </span>
          {current ? (
            <Pill tone="good">you are here with it</Pill>
          ) : (
            <form method="post" action={`${HOME}/identities/${id}/unlink`}>
              <button class="plain small">Unlink</button>
            </form>
          )}
        </li>
      ))}
    </ul>
  </Card>
)

function noSelfDeletion(c: ConsoleContext): Promise<Response> {
  return nothingHere(c, 'On this site members do not delete themselves: ask an admin.')
}

const SIGN_IN_AGAIN: Child = (
  <div role="alert" class="stack tight">
    <p>That takes somebody who has signed in within the last ten minutes. Nothing was deleted.</p>
    <span>
      <a class="button plain" href={`/auth/sign-in?next=${encodeURIComponent(`${HOME}/delete`)}`}>
        Sign in again
      </a>
    </span>
  </div>
)

function deletePage(c: ConsoleContext, me: Me, fault: Fault = {}) {
  const isOld = fault.code === 'session_too_old'
  const body = (
    <>
      <Head title="Delete your account" crumbs={[{ href: HOME, text: 'Profile' }]} />
      <Confirm
        title="This cannot be undone"
        action={`${HOME}/delete`}
        word={wordFor(me.displayName, me.id)}
        button="Delete my account"
        back={HOME}
        fault={isOld ? { ...fault, note: SIGN_IN_AGAIN } : fault}
        form={c.var.form}
      >
        <p>
          Your profile, visits, badges and ways to sign in are erased at once. What you have booked
          is canceled. If you come back, you are somebody new.
        </p>
      </Confirm>
    </>
  )
  const { status } = fault
  return show(c, { title: 'Delete your account', body, ...(status && { status }) })
}

/** An empty field takes away what was there. */
function patchOf(form: Form) {
  const text = (name: Name) => form.optional(name) ?? null
  const [line1, line2, city] = [text('line1'), text('line2'), text('city')]
  const [region, postalCode, country] = [text('region'), text('postalCode'), text('country')]
  const address = { line1, line2, city, region, postalCode, country }
  const isEmpty = Object.values(address).every((line) => line === null)
  return {
    displayName: form.text('displayName'),
    bio: text('bio'),
    avatarUrl: text('avatarUrl'),
    phone: text('phone'),
    address: isEmpty ? null : address,
  }
}
