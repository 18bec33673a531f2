/**
 * Answers that are stored in the transaction of the write they report on: an operation foresees what
 * it will answer, and writes only if that is what comes of it.
 */
import { Problem } from '../problem.ts'
import type { StoredAnswer } from '../repositories/audited.ts'

/**
 * Makes of a result the answer to store with its write. Undefined if the caller sent no
 * Idempotency-Key: then nothing is stored, and nothing has to be foreseen.
 */
export type Remember<Result> = ((result: Result) => Promise<StoredAnswer>) | undefined

/** How often an operation reads what its answer depends on before it gives up. */
const ROUNDS = 5

/**
 * Repeats a write that demands what its answer was foreseen from: if somebody was faster, that is
 * read and the answer foreseen anew.
 * @param attempt undefined if it has written nothing because something else was there than it had read
 * @throws Problem `conflict` if somebody was faster in every round
 */
export async function asForeseen<Result>(
  attempt: () => Promise<Result | undefined>,
): Promise<Result> {
  for (let round = 0; round < ROUNDS; round++) {
    const result = await attempt()
    if (result !== undefined) return result
  }
  throw new Problem(
    'conflict',
    'What this depends on was changed by others again and again. Send the request again.',
  )
}
