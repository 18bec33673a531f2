declare namespace Cloudflare {
  interface Env extends Readonly<import('../../src/env.ts').Bindings> {
    readonly TEST_MIGRATIONS: import('cloudflare:test').D1Migration[]
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
