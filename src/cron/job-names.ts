/** The background jobs there are: names and schedules only, so that the API can list what it cannot run. */

interface JobDefinition {
  readonly description: string
  /** Minutes between runs; 0 for every tick of the trigger. */
  readonly everyMinutes: number
}

const DAILY = 24 * 60

/** Jobs are listed in the order of their runs, because what one finishes may be work for the next. */
export const JOBS = {
  'bind-stores': {
    description:
      'Tells the visit objects which state of the database they work with; fails when either was put back',
    everyMinutes: 0,
  },
  'award-badges': {
    description: 'Awards badges to the members whose visits have satisfied a rule',
    everyMinutes: 0,
  },
  'report-milestones': {
    description: 'Tells the feed of events which members have come how often',
    everyMinutes: 0,
  },
  'erase-members': {
    description: 'Erases the visits of deleted members where that did not succeed at once',
    everyMinutes: 0,
  },
  'finish-events': {
    description:
      'Finishes what a request had begun when it was interrupted, such as a confirmation',
    everyMinutes: 0,
  },
  'expire-holds': {
    description: 'Ends pending bookings that were not confirmed in time',
    everyMinutes: 0,
  },
  'tell-people': {
    description: 'Sends mail about bookings that could not be sent when they were changed',
    everyMinutes: 0,
  },
  'forget-guests': {
    description:
      'Forgets from where visitors booked once that is over, and what guests have left after GUEST_DATA_DAYS',
    everyMinutes: 0,
  },
  'forget-bookings': {
    description: 'Deletes bookings that ended more than BOOKINGS_KEEP_DAYS ago',
    everyMinutes: DAILY,
  },
  'fold-names': {
    description: 'Folds the names that members are searched by, until those of before are done',
    everyMinutes: DAILY,
  },
  'prune-visits': {
    description: 'Folds days of visits older than 400 days into totals',
    everyMinutes: DAILY,
  },
  'prune-records': {
    description:
      'Forgets idempotency keys after a day, refusals after 7 days, job runs after 90, who was told what after 30, events after EVENT_DAYS, and what is over at the login',
    everyMinutes: DAILY,
  },
  'seal-audit': {
    description:
      'Seals the audit log, archives it where ARCHIVE is bound, and clears what is archived and older than AUDIT_KEEP_DAYS',
    everyMinutes: 60,
  },
  'wake-webhooks': {
    description: 'Has webhooks look for events that nobody has told them of',
    everyMinutes: 0,
  },
} as const satisfies Record<string, JobDefinition>

export type JobName = keyof typeof JOBS

export function isJobName(name: string): name is JobName {
  return Object.hasOwn(JOBS, name)
}

/** Minutes between ticks of the trigger. */
const TICK_MINUTES = 5

/** When the job runs, in words for people. */
export function scheduleOf(job: JobName): string {
  const minutes = JOBS[job].everyMinutes || TICK_MINUTES
  if (minutes === DAILY) return 'daily'
  return minutes === 60 ? 'hourly' : `every ${minutes} minutes`
}
