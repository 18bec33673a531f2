/** Has each visit object put itself back to an earlier time. It is not done without `npm run reconcile` after it. */
import * as z from 'zod'
import { openSession } from '../db/client.ts'
import type { Bindings } from '../env.ts'
import { reconcilingClient } from '../objects/reconciling.ts'
import type { OperatorRequest } from '../repositories/operator-requests.ts'
import { siteRepository } from '../repositories/site.ts'

const Asked = z.object({ at: z.int().positive() })

/** @returns what has become of it. @throws if an object does not answer; those before it are put back */
export async function putObjectsBack(
  env: Bindings,
  request: OperatorRequest,
): Promise<{ readonly putBack: number[]; readonly failures: string[] }> {
  const { at } = Asked.parse(request.progress)
  const shards = await siteRepository(openSession(env.DB, 'primary').db).visitShards()
  const objects = reconcilingClient(env)
  const [putBack, failures]: [number[], string[]] = [[], []]
  for (let shard = 0; shard < shards; shard++) {
    const refusal = request.isDryRun ? undefined : await objects.shard(shard).putBack(at)
    if (refusal) failures.push(`shard ${shard}: ${refusal.refused}`)
    else putBack.push(shard)
  }
  return { putBack, failures }
}
