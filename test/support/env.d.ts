declare namespace Cloudflare {
  interface Env extends Readonly<import('../../src/env.ts').Bindings> {
    readonly TEST_MIGRATIONS: import('cloudflare:test').D1Migration[]
    /** `1` for tests at the size that the promises are about. */
    readonly FULL: string
    /** The compatibility flags that wrangler.toml does not have. */
    readonly FLAGS: string
  }
  interface GlobalProps {
    mainModule: typeof import('../../src/worker.ts')
  }
}

/** A file as text, by Vite. */
declare module '*?raw' {
  const text: string
  export default text
}
