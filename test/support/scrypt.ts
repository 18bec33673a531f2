/**
 * A cheap stand-in for scrypt. The real one takes a quarter of a second for a password, which
 * hundreds of tests that are not about it would spend again and again.
 */
import nodeCrypto from 'node:crypto'

type Scrypt = typeof nodeCrypto.scrypt

const real: Scrypt = nodeCrypto.scrypt.bind(nodeCrypto)

/** Derives at the least cost there is; the key still depends on password, salt and cost. */
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
