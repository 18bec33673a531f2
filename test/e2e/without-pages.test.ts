/** What is uploaded with `--define WITHOUT_PAGES:true`. */
import { expect, test } from 'vitest'
import { compiledWorker } from '../../local/compile.ts'
import { project } from '../../local/project.ts'

/** What only the code of pages says. */
const SIGNS = ['guildhall-assertion+jwt', 'Guildhall-Hop', 'Guildhall-Reason', 'x-rewrite-url']

test('has none of the code of pages in it', async () => {
  const { code } = await project()
  const without = await compiledWorker('--define=WITHOUT_PAGES:true')
  for (const sign of SIGNS) {
    expect([sign, code.includes(sign), without.includes(sign)]).toEqual([sign, true, false])
  }
  expect(without).toContain('pages-jwks.json')
})
