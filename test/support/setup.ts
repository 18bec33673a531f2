/** Runs before each test: nothing of another one is left, neither stored nor under way. */
import { afterEach, beforeEach } from 'vitest'
import { emptyStores } from './empty-stores.ts'
import { assertLines, checkLines } from './log-lines.ts'
import { useCheapScrypt } from './scrypt.ts'
import { begin } from './under-way.ts'

checkLines()

let overdue: { readonly file: string; readonly name: string } | undefined

beforeEach(async ({ task, signal }) => {
  if (overdue?.file === task.file.filepath) {
    throw new Error(`not run: “${overdue.name}” has timed out and may still be under way`)
  }
  begin(signal)
  useCheapScrypt()
  await emptyStores()
})

afterEach(({ task, signal }) => {
  assertLines()
  if (signal.aborted) overdue = { file: task.file.filepath, name: task.name }
})
