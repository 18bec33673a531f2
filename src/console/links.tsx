/** Ids as links to what they are of. */

const PLACES: Readonly<Record<string, string>> = {
  usr: '/console/members/',
  bdg: '/console/badges/',
  rul: '/console/rules/',
  key: '/console/api-keys/',
  svc: '/console/services/',
  bkg: '/console/bookings/',
  pgr: '/console/page-rules/',
  whk: '/console/webhooks/',
  aud: '/console/audit/',
}

/** Undefined for what has no page. */
function placeOf(id: string): string | undefined {
  const [, prefix = ''] = /^([a-z]{3})_[0-9a-z]{26}$/.exec(id) ?? []
  const place = PLACES[prefix]
  return place && place + id
}

/** Which of its kind: the end of an id says that, its beginning when it was made. */
function shortOf(id: string): string {
  return id.replace(/^([a-z]{3}_)[0-9a-z]{20}([0-9a-z]{6})$/, '$1…$2')
}

/** An id, which leads to its page where it has one; a short one has all of it in its title. */
export const Id = ({ id, short = false }: { readonly id: string; readonly short?: boolean }) => {
  const place = placeOf(id)
  const text = short ? shortOf(id) : id
  const title = text === id ? {} : { title: id }
  const look = short ? 'mono nowrap' : 'mono'
  return place ? (
    <a class={look} href={place} {...title}>
      {text}
    </a>
  ) : (
    <span class={text === id ? 'mono' : look} {...title}>
      {text}
    </span>
  )
}

/** A text of the backend, in which ids are as they are everywhere. */
export const WithIds = ({ text }: { readonly text: string }) => (
  <span>
    {text
      .split(/\b([a-z]{3}_[0-9a-z]{26})\b/)
      .map((part, at) => (at % 2 === 1 ? <Id id={part} short /> : part))}
  </span>
)
