/**
 * What API keys are checked against before anything is asked about them, kept for this isolate: its
 * first key costs a read of D1, and junk that comes later costs none.
 */
import { waitUntil } from 'cloudflare:workers'
import { describeError, log } from '../../log.ts'
import { Problem } from '../../problem.ts'
import type { ApiKeysRepository } from '../../repositories/api-keys.ts'
import type { Settings } from '../../settings/settings.ts'
import type { KeyChecksums } from './api-key.ts'

/** It changes only while versions overlap and when a backup is restored. */
const FRESH_MS = 600_000

interface Known {
  readonly checksums: KeyChecksums
  /** Milliseconds since the epoch. */
  readonly askedAt: number
}

const known = new WeakMap<Settings, Known>()

/**
 * What is older than ten minutes is good for this request, and read anew once while it goes on: what
 * cannot be read anew stays as it is.
 * @param now milliseconds since the epoch
 * @throws Problem `unavailable` if nothing is known yet and it cannot be read
 */
export async function keyChecksums(
  settings: Settings,
  apiKeys: Pick<ApiKeysRepository, 'checksums'>,
  now: number,
): Promise<KeyChecksums> {
  const read = async () => {
    const checksums = await apiKeys.checksums()
    known.set(settings, { checksums, askedAt: now })
    return checksums
  }
  const kept = known.get(settings)
  if (!kept) return read().catch(notReadable)
  if (Math.abs(now - kept.askedAt) >= FRESH_MS) {
    known.set(settings, { ...kept, askedAt: now })
    waitUntil(read().catch(noteFailure))
  }
  return kept.checksums
}

function notReadable(cause: unknown): never {
  const detail = 'What API keys are checked with cannot be read. Try again in a moment.'
  throw new Problem('unavailable', detail, { retryAfter: 1, cause })
}

function noteFailure(error: unknown): void {
  log('warn', 'key checksums not renewed', describeError(error))
}
