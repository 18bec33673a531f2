export { JobRunner } from './objects/job-runner.ts'
export { VisitShard } from './objects/visit-shard.ts'

export default {
  fetch: () => new Response('not yet'),
} satisfies ExportedHandler
