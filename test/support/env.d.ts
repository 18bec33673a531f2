declare namespace Cloudflare {
  interface Env extends Readonly<import('../../src/env.ts').Bindings> {
    readonly TEST_MIGRATIONS: import('cloudflare:test').D1Migration[]
    /** `1` with `npm run test:full`: long tests run at the size that the promises are about. */
    readonly FULL: string
    /** The compatibility flags that wrangler.toml does not have. */
    readonly FLAGS: string
  }
  interface GlobalProps {
    mainModule: typeof import('../../src/worker.ts')
  }
}

/** Vite gives the text of a file that is imported like this. */
declare module '*?raw' {
  const text: string
  export default text
}
