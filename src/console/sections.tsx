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

/** A page of the console is for whoever has more rights than every member has. */
export const SECTIONS: readonly Group[] = [
  {
    title: undefined,
    sections: [
      {
        href: '/console',
        text: 'Overview',
        may: [],
        icon: '<path d="M2 14V9M6 14V5M10 14V8M14 14V2"/>',
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
        icon: '<circle cx="8" cy="5" r="3"/><path d="M2 14c.6-3 3-4.500 6-4.500s5.400 1.500 6 4.500"/>',
      },
    ],
  },
]

export function isVisible({ may }: Section, rights: ReadonlySet<string>): boolean {
  return may.length === 0 || may.some((permission) => rights.has(permission))
}
