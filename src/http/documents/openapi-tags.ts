/** The groups that operations are shown in, by the first part of their path. */
const TAGS: Readonly<Record<string, string>> = {
  whoami: 'Who the site takes a credential for, and what it may do.',
  me: 'The calling member: profile, visits, progress towards badges, identities and bookings.',
  users: 'Members as others see and manage them, with their badges and roles.',
  roles: 'What roles there are: those built in, and those a site defines itself.',
  badges: 'The badges that can be earned here.',
  'badge-assignments': 'Giving a badge to many members at once.',
  'badge-rules': 'By how many visits a badge is earned, and who would earn it.',
  services: 'What can be booked, and the slots it can be booked for.',
  slots: 'Single times at which a service can be booked.',
  bookings: 'Who comes when: made by members, visitors and keys, and confirmed by managers.',
  'booking-decisions': 'Confirming or declining many bookings at once.',
  visitors: 'Booking without an account.',
  'page-rules': 'Who may open which pages of the site.',
  'api-keys': 'Credentials for programs: scopes, limits, rotation and use.',
  audit: 'What was done, by whom and for whom.',
  elevations: 'What the backend may do by itself.',
  events: 'What has changed, in order, for partners who follow it.',
  webhooks: 'Addresses that are told what changes, and what became of it.',
  refusals: 'Why a request was refused, by its id.',
  health: 'How the site is.',
  issuers: 'Whose tokens count, and why one is refused.',
  permissions: 'Who may call what, as data.',
  explain: 'Why a call would be answered as it would.',
  stats: 'The site in figures.',
  jobs: 'Background jobs: schedules, runs, and asking for one.',
  documents: 'About the API itself, for people and for tools.',
}

export function tagOf({ path }: { readonly path: string }): string {
  return path.split('/')[2] ?? ''
}

/** Those of the operations, as the document lists them. */
export function tagsOf(names: readonly string[]): { name: string; description?: string }[] {
  return [...new Set(names)].map((name) => {
    const description = TAGS[name]
    return { name, ...(description !== undefined && { description }) }
  })
}
