/** The background jobs: when they run, what they did, and asking for a run. */
import { Head, Pager, Table, Time } from '../../look/parts.tsx'
import { callsOf, type Client } from '../api.ts'
import type { ConsoleApp, ConsoleContext } from '../context.ts'
import { once, OnceKey } from '../edit.tsx'
import { done } from '../flash.ts'
import { filtersOf, listOf, placesOf, wholeOf } from '../lists.ts'
import { isUnderWay, RunStatus, RunTable, UnderWay } from '../runs.tsx'
import { show } from '../shell.tsx'

type Job = Awaited<ReturnType<Client['v1']['jobs']['$get']>>['items'][number]

const placeOf = (job: string) => `/console/jobs/${encodeURIComponent(job)}`

export function jobPages(app: ConsoleApp): void {
  app.get('/console/jobs', async (c) => {
    const { client } = c.var
    const page = await wholeOf(client.all(client.v1.jobs.$get, { query: { limit: 100 } }))
    const isMoving = page.items.some(({ lastRun }) => isUnderWay(lastRun))
    const body = (
      <>
        <Head title="Jobs" lead="What runs in the background, each with rights of its own." />
        <div {...(isMoving && { 'data-reload': '5' })}>
          <Table<Job>
            caption="Jobs"
            columns={[
              {
                label: 'Job',
                cell: ({ name }) => (
                  <a class="nowrap" href={placeOf(name)}>
                    {name}
                  </a>
                ),
              },
              { label: 'Does', cell: ({ description }) => description },
              { label: 'Runs', cell: ({ schedule }) => <span class="nowrap">{schedule}</span> },
              {
                label: 'Last run',
                cell: ({ lastRun }) =>
                  lastRun ? (
                    <span class="row">
                      <RunStatus run={lastRun} />
                      <Time at={lastRun.requestedAt} form="ago" />
                    </span>
                  ) : (
                    <span class="muted">never</span>
                  ),
              },
              { label: '', cell: ({ name }) => <RunNow job={name} />, align: 'right' },
            ]}
            rows={page.items}
            empty=""
          />
        </div>
      </>
    )
    return show(c, { title: 'Jobs', body })
  })

  app.get('/console/jobs/:job', async (c) => {
    const job = c.req.param('job')
    const { cursor } = filtersOf(c, ['cursor'])
    const page = await listOf(
      c,
      c.var.client.v1.jobs[':job'].runs.$get({ param: { job }, query: { limit: 25, cursor } }),
    )
    const [last] = page.items
    const isMoving = cursor === undefined && isUnderWay(last)
    const body = (
      <>
        <Head title={job} crumbs={[{ href: '/console/jobs', text: 'Jobs' }]}>
          <RunNow job={job} />
        </Head>
        {isMoving && last && <UnderWay job={job} run={last} />}
        <RunTable job={job} runs={page.items} />
        <Pager {...placesOf(c, page)} />
      </>
    )
    const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
      v1.jobs[':job'].run.$post({ param: { job } }),
    )
    return show(c, { title: job, body, actions })
  })

  app.post('/console/jobs/:job/run', (c) => runNow(c, c.req.param('job')))
}

async function runNow(c: ConsoleContext, job: string): Promise<Response> {
  await c.var.client.v1.jobs[':job'].run.$post({ param: { job }, ...once(c) })
  return done(c, placeOf(job), 'requested')
}

const RunNow = ({ job }: { readonly job: string }) => (
  <form method="post" action={`${placeOf(job)}/run`}>
    <OnceKey />
    <button class="plain small">
      Run now<span class="only-read"> the job {job}</span>
    </button>
  </form>
)
