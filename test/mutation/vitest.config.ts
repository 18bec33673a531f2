/**
 * One project of `test/vitest.config.ts` with the tests of one room, which GUARDED_BY names.
 * Stryker's own `testFiles` does not do: with it, code that is mutated while a file loads survives
 * whatever the tests say.
 */
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import config from '../vitest.config.ts'

const { project: name, tests } = JSON.parse(process.env['GUARDED_BY'] ?? '{}')
const project = config.test?.projects?.find(
  (each) => typeof each === 'object' && 'test' in each && each.test?.name === name,
)
if (typeof project !== 'object' || !('test' in project)) {
  throw new Error('GUARDED_BY names no project')
}

/**
 * A run ends with the first failure, so what failed for the last mutant comes first, then what is
 * quick.
 */
class LikelyFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const cost = (file: TestSpecification) => {
      const last = this.ctx.cache.getTestSpecificationResult(file)
      return last?.failed ? -1 : (last?.duration ?? 0)
    }
    return files.toSorted((a, b) => cost(a) - cost(b))
  }
}

export default defineConfig({
  ...project,
  test: {
    ...project.test,
    include: tests,
    sequence: { sequencer: LikelyFirst },
    // Each mutant has a worker of its own; its test files share it, which halves the time.
    isolate: false,
    // A slow machine must not pass for a killed mutant; Stryker ends those that hang.
    testTimeout: 600_000,
  },
})
