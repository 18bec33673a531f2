#!/bin/sh
# Versions: better-auth 1.7.7, @better-auth/passkey 1.7.6, zod 4.6.7, esbuild 0.28.2, Node 24.21.0.
# Guess: the passkey plugin adds to a bundle what passkeys need.
# Seen: it adds zod's messages in every language, a quarter of a megabyte. It takes one function of better-auth/db,
#   and that module registers all its exports in an object when it runs, so that none of them can be dropped; one
#   takes a type of zod by a name that it is told (z[type]), so that nothing of zod can be dropped either.
# Cost: a Worker with passkeys is 40 KiB larger after compression, and parses them whenever it starts.
# So: let a module that exports all of zod but its languages stand for zod in the bundle (src/auth/zod.ts).
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --prefix "$dir" --silent --ignore-scripts --legacy-peer-deps better-auth@1.7.7 \
  @better-auth/passkey@1.7.6 @better-auth/core@1.7.7 @better-auth/utils@0.4.2 @better-fetch/fetch@1.3.2 \
  better-call@1.4.0 nanostores@1.0.1 zod@4.6.7 esbuild@0.28.2
cat > "$dir/finding.mjs" <<'JS'
import { build } from 'esbuild'
import { readdirSync } from 'node:fs'

const LANGUAGE = /node_modules\/zod\/v4\/locales\/(?!index\b)[\w-]+\.js$/
const resolveDir = import.meta.dirname
const all = readdirSync(`${resolveDir}/node_modules/zod/v4/locales`).filter((file) => /^(?!index)[\w-]+\.js$/.test(file))
console.log(`zod has ${all.length} languages`)

for (const [what, from] of [
  ['betterAuth', 'better-auth'],
  ['passkey', '@better-auth/passkey'],
  ['mergeSchema', 'better-auth/db'],
]) {
  const { metafile } = await build({
    stdin: { contents: `export { ${what} } from '${from}'`, resolveDir },
    bundle: true,
    minify: true,
    format: 'esm',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*', 'cloudflare:*'],
    outfile: 'out.js',
    metafile: true,
    write: false,
    logLevel: 'silent',
  })
  const [{ inputs }] = Object.values(metafile.outputs)
  // Those that are dropped leave a few bytes behind; two of all are older names of others.
  const kept = Object.entries(inputs).filter(([file, { bytesInOutput }]) => LANGUAGE.test(file) && bytesInOutput > 100)
  const bytes = kept.reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0)
  console.log(`${what} of ${from}: ${kept.length}, ${Math.round(bytes / 1000)} kB`)
}
JS
node "$dir/finding.mjs" > "$dir/seen"
diff - "$dir/seen" <<'SEEN'
zod has 63 languages
betterAuth of better-auth: 1, 3 kB
passkey of @better-auth/passkey: 61, 263 kB
mergeSchema of better-auth/db: 61, 263 kB
SEEN
echo 'better-auth-db-zod: as it was seen'
