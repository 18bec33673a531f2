/** Files that outlive the database: a bucket of R2, where one is bound. */
import { inTime } from '../db/in-time.ts'
import { countCall } from '../log.ts'

/** R2, as far as it is used here. */
export interface Bucket {
  get(name: string): Promise<{ text(): Promise<string> } | null>
  put(name: string, text: string): Promise<unknown>
}

const CALL_LIMIT_MS = 20_000

export type Archive = ReturnType<typeof archiveIn>

export function archiveIn(bucket: Bucket) {
  return {
    async read(name: string): Promise<string | undefined> {
      countCall('objects')
      const text = async () => (await bucket.get(name))?.text()
      return inTime(CALL_LIMIT_MS, text())
    },

    async write(name: string, text: string): Promise<void> {
      countCall('objects')
      await inTime(CALL_LIMIT_MS, bucket.put(name, text))
    },
  }
}
