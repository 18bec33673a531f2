/**
 * The expensive step of a password is a quarter of a second of nothing but work, which hundreds of
 * tests that are not about it would do again and again.
 */
import nodeCrypto from 'node:crypto'

type Scrypt = typeof nodeCrypto.scrypt

const real: Scrypt = nodeCrypto.scrypt.bind(nodeCrypto)

/** Derives at the least cost there is; another key for each password, salt and cost, as before. */
const cheap: Scrypt = (password, salt, length, { N, r, p }, done) => {
  const salted = Buffer.concat([salt, Buffer.from(`${N},${r},${p}`)])
  real(password, salted, length, { N: 2, r: 1, p: 1, maxmem: 1024 }, done)
}

export function useCheapScrypt(): void {
  nodeCrypto.scrypt = cheap
}

export function useRealScrypt(): void {
  nodeCrypto.scrypt = real
}
