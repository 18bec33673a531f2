declare namespace Cloudflare {
  interface Env extends Readonly<import('../../src/env.ts').Bindings> {
    readonly TEST_MIGRATIONS: import('cloudflare:test').D1Migration[]
  }
  interface GlobalProps {
    mainModule: typeof import('../../src/worker.ts')
  }
}
