/** For `npx vitest` in the root, as editors run it. */
export { default } from './test/vitest.config.ts'
