/**
 * Stands for `zod` in every build (`[alias]` in wrangler.toml). better-auth takes a type of zod by a name
 * that is known only when it runs, so a bundler keeps whatever zod exports, messages in fifty languages
 * among it. What is exported here by name stands before what is exported by the star, and nobody asks for it.
 */
export * from 'zod/v4'

export const core = {}
export const fromJSONSchema = undefined
export const locales = {}
export const z = undefined
