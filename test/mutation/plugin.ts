/** A plugin that tells Stryker which texts are for people, and which mutants are in the sample. */
import { type Checker, CheckStatus, type CheckResult } from '@stryker-mutator/api/check'
import type { Mutant } from '@stryker-mutator/api/core'
import type { Ignorer } from '@stryker-mutator/api/ignore'
import { PluginKind, declareClassPlugin, declareValuePlugin } from '@stryker-mutator/api/plugin'
import type { babel } from '@stryker-mutator/core'

const TEXT = /^[A-Z][^="]* [^="]*$/s
/** What makes a sentence of the name of a thing. */
const SAYING = new Set(['notFound', 'stale'])

/** Leaves out texts for people, whose wording no test should hold; our errors are read in logs. */
export const texts = {
  shouldIgnore({ node, parent }: babel.NodePath) {
    const text =
      node.type === 'StringLiteral'
        ? node.value
        : node.type === 'TemplateLiteral'
          ? node.quasis.map(({ value }) => value.raw).join('…')
          : undefined
    if (text === undefined) return undefined
    const isMade = parent?.type === 'NewExpression'
    const to = isMade || parent?.type === 'CallExpression' ? parent.callee : undefined
    const name = to?.type === 'Identifier' ? to.name : ''
    const isSaid = isMade ? name.endsWith('Error') : SAYING.has(name)
    return isSaid || TEXT.test(text) ? 'a text for people' : undefined
  },
} satisfies Ignorer

/** A name of a mutant that is the same in this process and in those that Stryker starts. */
export function keyOf({ fileName, location, mutatorName, replacement }: Mutant): string {
  const { line, column } = location.start
  const file = fileName.slice(fileName.lastIndexOf('/src/') + 1)
  return [file, line, column, mutatorName, replacement].join(' ')
}

/** Turns away mutants that are not in the sample when they are checked: Stryker cannot sample. */
class Sample implements Checker {
  readonly #keys = new Set(JSON.parse(process.env['SAMPLE'] ?? '[]'))

  async init(): Promise<void> {}

  async check(mutants: Mutant[]): Promise<Record<string, CheckResult>> {
    const results = mutants.map((mutant): [string, CheckResult] => [
      mutant.id,
      this.#keys.has(keyOf(mutant))
        ? { status: CheckStatus.Passed }
        : { status: CheckStatus.CompileError, reason: 'not in the sample' },
    ])
    return Object.fromEntries(results)
  }
}

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'texts', texts),
  declareClassPlugin(PluginKind.Checker, 'sample', Sample),
]
