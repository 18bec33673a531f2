/** The project as it was at another commit, for what compares the two or has them work together. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Project } from './compile.ts'
import { ROOT } from './root.ts'

/** What wrangler makes of another commit, with the packages of this one. */
export function projectAt(ref: string): Project {
  const dir = mkdtempSync(join(tmpdir(), 'guildhall-baseline-'))
  const git = (...args: string[]) => execFileSync('git', ['-C', ROOT, ...args], { stdio: 'pipe' })
  git('worktree', 'add', '--detach', dir, ref)
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
    // What compiles is that of now: releases before it was in a file of its own have none.
    for (const name of ['compile.ts', 'root.ts', 'refusal.ts'])
      copyFileSync(join(ROOT, 'local', name), join(dir, 'local', name))
    const file = join(dir, 'made.json')
    const print = `import('./local/compile.ts').then(async ({ compiledProject }) =>
      (await import('node:fs')).writeFileSync(${JSON.stringify(file)}, JSON.stringify(await compiledProject())))`
    execFileSync(process.execPath, ['-e', print], { cwd: dir, stdio: 'inherit' })
    return JSON.parse(readFileSync(file, 'utf8'))
  } finally {
    git('worktree', 'remove', '--force', dir)
  }
}
