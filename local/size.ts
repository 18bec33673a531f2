/**
 * `npm run size`: what is uploaded, and what its start costs, with the built-in login and without. The
 * start is the active time in the profile of `wrangler check startup`: read it as a ratio.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as z from 'zod'
import { bundleWorker, wranglerOn } from './project.ts'
import { Refusal } from './refusal.ts'

const VARIANTS = [
  ['with the login', []],
  ['without it', ['--define=VERIFY_ONLY:true']],
] as const

const Profile = z.object({
  nodes: z.array(z.object({ id: z.number(), callFrame: z.object({ functionName: z.string() }) })),
  samples: z.array(z.number()),
  /** In microseconds. */
  timeDeltas: z.array(z.number()),
})

const dir = mkdtempSync(join(tmpdir(), 'guildhall-size-'))
try {
  for (const [name, options] of VARIANTS) {
    const code = await bundleWorker(join(dir, 'build'), ...options)
    const [plain, zipped] = [Buffer.byteLength(code), gzipSync(code).length].map(kibibytes)
    console.log(`${name}: ${plain} KiB, ${zipped} KiB gzip, start ${startMs(options)} ms`)
  }
} finally {
  rmSync(dir, { recursive: true, force: true })
}

function kibibytes(bytes: number): number {
  return Math.round(bytes / 1024)
}

/** The least of three: what disturbs a start only ever makes it longer. */
function startMs(options: readonly string[]): number {
  return Math.min(...[1, 2, 3].map(() => activeMs(profileOf(options))))
}

function profileOf(options: readonly string[]): z.infer<typeof Profile> {
  const outfile = join(dir, 'start.cpuprofile')
  const check = ['check', 'startup', '--outfile', outfile, `--args=${options.join(' ')}`]
  const { status, stderr } = spawnSync(process.execPath, wranglerOn(...check), {
    encoding: 'utf8',
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true' },
  })
  if (status !== 0) throw new Refusal(`wrangler check startup failed\n${stderr}`)
  return Profile.parse(JSON.parse(readFileSync(outfile, 'utf8')))
}

function activeMs({ nodes, samples, timeDeltas }: z.infer<typeof Profile>): number {
  const isIdle = /^\((idle|program|root)\)$/
  const idle = new Set(
    nodes.filter(({ callFrame }) => isIdle.test(callFrame.functionName)).map(({ id }) => id),
  )
  const active = samples.map((id, at) => (idle.has(id) ? 0 : (timeDeltas[at] ?? 0)))
  return Math.round(active.reduce((sum, micros) => sum + micros, 0) / 1000)
}
