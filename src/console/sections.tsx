/** The parts of the console, each with what the API wants for it. */
interface Section {
  readonly href: string
  readonly text: string
  /** A section is shown to whoever has one of these with reach `any`; the API decides all the same. */
  readonly may: readonly string[]
  /** Paths of an icon of 16 by 16. */
  readonly icon: string
}

interface Group {
  readonly title: string | undefined
  readonly sections: readonly Section[]
}

/** In the order of the menu. */
export const SECTIONS: readonly Group[] = [
  {
    title: undefined,
    sections: [
      {
        href: '/console',
        text: 'Overview',
        may: [],
        icon: '<path d="M2 14V9m4 5V5m4 9V8m4 6V2"/>',
      },
    ],
  },
  {
    title: 'People',
    sections: [
      {
        href: '/console/members',
        text: 'Members',
        may: ['profile:list'],
        icon: '<circle cx="8" cy="5" r="3"/><path d="M2 14c.6-3 3-4.5 6-4.5s5.400 1.5 6 4.5"/>',
      },
      {
        href: '/console/badges',
        text: 'Badges',
        may: ['badge:manage', 'badge:assign'],
        icon: '<circle cx="8" cy="6" r="4.25"/><path d="m5.5 9.5-1 5 3.5-2 3.5 2-1-5"/>',
      },
      {
        href: '/console/rules',
        text: 'Rules',
        may: ['badge-rule:manage'],
        icon: '<path d="M2 4h6m4 0h2M2 12h2m4 0h6"/><circle cx="10" cy="4" r="2"/><circle cx="6" cy="12" r="2"/>',
      },
    ],
  },
  {
    title: 'Bookings',
    sections: [
      {
        href: '/console/bookings',
        text: 'Bookings',
        may: ['booking:confirm', 'booking:read'],
        icon: '<path d="M2 9.5 4 3h8l2 6.500V13H2zm0 0h3.500l1 1.500h3l1-1.500H14"/>',
      },
      {
        href: '/console/calendar',
        text: 'Calendar',
        may: ['booking:confirm', 'booking:read'],
        icon: '<rect x="2" y="3" width="12" height="11" rx="1"/><path d="M2 6.500h12M5.500 1.500V4m5-2.500V4"/>',
      },
      {
        href: '/console/services',
        text: 'Services',
        may: ['service:manage'],
        icon: '<path d="M2 4.500h12M2 8h12M2 11.500h7"/>',
      },
    ],
  },
  {
    title: 'Access',
    sections: [
      {
        href: '/console/roles',
        text: 'Roles',
        may: ['role:define', 'role:assign'],
        icon: '<path d="M8 1.5 13.5 4v4c0 3-2.3 5.3-5.5 6.5C4.800 13.3 2.5 11 2.5 8V4z"/>',
      },
      {
        href: '/console/api-keys',
        text: 'API keys',
        may: ['api-key:manage'],
        icon: '<circle cx="5" cy="11" r="3.25"/><path d="m7.500 8.500 6-6m-2.500 2.500 2 2"/>',
      },
      {
        href: '/console/page-rules',
        text: 'Page rules',
        may: ['page:manage'],
        icon: '<rect x="3" y="7" width="10" height="7" rx="1"/><path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2"/>',
      },
      {
        href: '/console/providers',
        text: 'Providers',
        may: ['issuer:read'],
        icon: '<circle cx="8" cy="8" r="6.25"/><path d="M1.750 8h12.500M8 1.750c4 3.500 4 9 0 12.500-4-3.500-4-9 0-12.500"/>',
      },
      {
        href: '/console/webhooks',
        text: 'Webhooks',
        may: ['webhook:manage'],
        icon: '<path d="M2 8h7m-2.5-3L9.500 8l-3 3M11 3h3v10h-3"/>',
      },
      {
        href: '/console/explain',
        text: 'Explain',
        may: [],
        icon: '<circle cx="8" cy="8" r="6.25"/><path d="M6.3 6.200a1.75 1.75 0 1 1 2.5 1.700c-.6.3-.8.6-.8 1.3M8 11.5h.01"/>',
      },
    ],
  },
  {
    title: 'System',
    sections: [
      {
        href: '/console/audit',
        text: 'Audit',
        may: ['audit:read'],
        icon: '<path d="M4 1.5h6L13 4.5v10H4zM6.5 7h4m-4 3h4"/>',
      },
      {
        href: '/console/ended-sessions',
        text: 'Ended sessions',
        may: ['audit:read'],
        icon: '<path d="M9.500 5V2.500h-7v11h7V11M6 8h8m-2.500-2.500L14 8l-2.500 2.500"/>',
      },
      {
        href: '/console/jobs',
        text: 'Jobs',
        may: ['job:run'],
        icon: '<circle cx="8" cy="8" r="6.25"/><path d="M8 4.5V8l2.5 1.5"/>',
      },
    ],
  },
]

export function isVisible({ may }: Section, rights: ReadonlySet<string>): boolean {
  return may.length === 0 || may.some((permission) => rights.has(permission))
}
