/**
 * Answers that anybody may have, kept for two seconds, so that a crowd that asks for one thing costs one
 * read. Nothing decides by them, and whoever sends a credential, or a bookmark, is answered anew.
 */
import { commits } from '../db/commits.ts'
import type { Settings } from '../settings/settings.ts'

interface KeptAnswer {
  readonly text: string
  readonly fields: Readonly<Record<string, string>>
}

/** From before the answer was read; nothing extends it. */
const KEPT_MS = 2_000
const MOST = 500

/** A read that is under way: what is committed meanwhile may be missing in it. */
interface Reading {
  /** Milliseconds since the epoch. */
  readonly since: number
  readonly commits: number
}

export class KeptAnswers {
  readonly #answers = new Map<string, KeptAnswer & Reading>()

  /** @param url the whole address that was asked, query included */
  find(url: string, now: number): KeptAnswer | undefined {
    const kept = this.#answers.get(url)
    const isFresh = kept && Math.abs(now - kept.since) < KEPT_MS && kept.commits === commits()
    return isFresh ? kept : undefined
  }

  /** To be called before the read is sent. */
  begin(now: number): Reading {
    return { since: now, commits: commits() }
  }

  keep(url: string, answer: KeptAnswer, reading: Reading): void {
    if (reading.commits !== commits()) return
    if (this.#answers.size >= MOST) this.#answers.clear()
    this.#answers.set(url, { ...answer, ...reading })
  }
}

const kept = new WeakMap<Settings, KeptAnswers>()

/** Those of this deployment; undefined where none are kept. */
export function keptAnswers(settings: Settings): KeptAnswers | undefined {
  if (!settings.keepsPublicAnswers) return undefined
  const known = kept.get(settings) ?? new KeptAnswers()
  kept.set(settings, known)
  return known
}
