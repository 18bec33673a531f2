import { expect, test } from 'vitest'
import * as certificates from '../../src/auth/no-certificates.ts'

test.each(Object.entries(certificates))('%s reads no certificate', (_, Certificate) => {
  expect(() => Reflect.construct(Certificate, [])).toThrow(
    'certificates of authenticators are not read here',
  )
})
