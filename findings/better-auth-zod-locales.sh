#!/bin/sh
# better-auth and zod, bundled together, weigh what all of zod weighs.
#
# zod's error messages are there in some fifty languages, and a bundler drops those that nobody asks for. better-auth
# takes a type of zod by a name that it knows only when it runs (its fields say `string` or `number`), so esbuild
# keeps whatever zod exports: every language, the JSON Schema converters both ways, and the rest. A Worker is a
# quarter of a megabyte larger before compression, and starts later.
#
# Here `src/auth/zod.ts` stands for `zod` in the bundle: it exports all of it but what nobody names.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts better-auth@1.7.7 zod@4.6.7 esbuild@0.28.2 >/dev/null

cat >own.js <<'EOF'
import * as z from 'zod'
export const Name = z.string().min(1)
EOF
cat >login.js <<'EOF'
export { betterAuth } from 'better-auth/minimal'
EOF
cat >weigh.mjs <<'EOF'
import { build } from 'esbuild'
import { readdirSync } from 'node:fs'

const languages = readdirSync('node_modules/zod/v4/locales').filter((file) => /^(?!index)[\w-]+\.js$/.test(file))
for (const entry of ['own.js', 'login.js']) {
  const { metafile } = await build({
    entryPoints: [entry], bundle: true, minify: true, format: 'esm', platform: 'neutral', mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser'], external: ['node:*', 'cloudflare:*'], outfile: 'out.js', metafile: true,
    write: false, logLevel: 'silent',
  })
  const [{ inputs }] = Object.values(metafile.outputs)
  const kept = languages.filter((file) => inputs[`node_modules/zod/v4/locales/${file}`]?.bytesInOutput > 100)
  const bytes = kept.reduce((sum, file) => sum + inputs[`node_modules/zod/v4/locales/${file}`].bytesInOutput, 0)
  console.log(`${entry}: ${kept.length} of ${languages.length} languages, ${Math.round(bytes / 1024)} KiB of them`)
}
EOF
node weigh.mjs >seen
cat seen
