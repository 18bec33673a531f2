/** What is uploaded with `--define WITHOUT_PAGES:true`, and with `--define WITHOUT_CONSOLE:true`. */
import { expect, test } from 'vitest'
import { compiledWorker } from '../../local/compile.ts'
import { project } from '../../local/project.ts'

/** What only the code of pages says. */
const OF_PAGES = ['guildhall-assertion+jwt', 'Guildhall-Hop', 'Guildhall-Reason', 'x-rewrite-url']

/** What only the code of the console says. */
const OF_THE_CONSOLE = ['The same by API', '/console/members']

test('has none of the code of pages or of the console in it', async () => {
  const { code } = await project()
  const without = await compiledWorker(
    '--define=WITHOUT_PAGES:true',
    '--define=WITHOUT_CONSOLE:true',
  )
  for (const sign of [...OF_PAGES, ...OF_THE_CONSOLE]) {
    expect([sign, code.includes(sign), without.includes(sign)]).toEqual([sign, true, false])
  }
  expect(without).toContain('pages-jwks.json')
})
