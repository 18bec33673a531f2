/** The project of `test/vitest.config.ts` that GUARDED_BY names, alone: Stryker's runner cannot choose one. */
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import config from '../vitest.config.ts'

const project = config.test?.projects?.find(
  (each) =>
    typeof each === 'object' && 'test' in each && each.test?.name === process.env['GUARDED_BY'],
)
if (typeof project !== 'object' || !('test' in project))
  throw new Error('GUARDED_BY names a project')

/** A run ends with the first failure: what failed for the last mutant comes first, then what is quick. */
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
    sequence: { sequencer: LikelyFirst },
    // Each mutant has a worker of its own; its test files share it, which halves the time.
    isolate: false,
    // A slow machine must not pass for a killed mutant; Stryker ends those that hang.
    testTimeout: 600_000,
  },
})
