/** The parts of Node that are used here; the rest of Node's types would hide what Workers lack. */
declare module 'node:crypto' {
  interface NodeCrypto {
    scrypt(
      password: string,
      salt: Uint8Array,
      keyLength: number,
      options: { N: number; r: number; p: number; maxmem: number },
      callback: (error: Error | null, key: Uint8Array) => void,
    ): void
    timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean
  }
  const nodeCrypto: NodeCrypto
  export default nodeCrypto
}

declare module 'node:async_hooks' {
  export class AsyncLocalStorage<T> {
    run<R>(store: T, work: () => R): R
    getStore(): T | undefined
  }
}
