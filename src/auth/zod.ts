/**
 * Stands for `zod` in every build (`[alias]` in wrangler.toml). The passkey plugin brings a function of
 * better-auth along that takes a type of zod by a name it is told, so a bundler keeps whatever zod exports,
 * messages in sixty languages among it. What is exported here by name stands before what is exported by
 * the star, and nobody asks for it; see findings/better-auth-db-zod.sh.
 */
export * from 'zod/v4'

export const core = {}
export const fromJSONSchema = undefined
export const locales = {}
export const z = undefined
