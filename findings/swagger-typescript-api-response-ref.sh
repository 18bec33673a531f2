#!/bin/sh
# Versions: swagger-typescript-api 13.13.0 with the TypeScript 6 it brings, Node 24.21.0.
# Guess: an answer that is a `$ref` into `components.responses` is read as one that is written out.
# Seen: its type is the same, but the call has no `format: "json"`, so the client that is made never parses the
#   body: `data` is null where the type says otherwise. TypeScript sees nothing of it.
# Cost: every call to an API whose document says its answers once comes back empty.
# So: give the client `baseApiParams: { format: 'json' }`, or write the answer out in the document.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --prefix "$dir" --silent --ignore-scripts swagger-typescript-api@13.13.0
cat > "$dir/finding.mjs" <<'JS'
import { createServer } from 'node:http'
import { writeFileSync } from 'node:fs'
import { generateApi } from 'swagger-typescript-api'
import ts from 'typescript'

const written = {
  description: 'OK',
  content: { 'application/json': { schema: { type: 'string' } } },
}
const server = createServer((_, response) => {
  response.setHeader('Content-Type', 'application/json').end('"door"')
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const baseUrl = `http://127.0.0.1:${server.address().port}`

/** What a client that is made of a document with this answer says, and what it gets. */
async function told(name, answer, options = {}) {
  const get = { operationId: 'readThing', responses: { 200: answer } }
  const spec = {
    openapi: '3.1.0',
    info: { title: 'Things', version: '1' },
    paths: { '/thing': { get } },
    components: { responses: { Thing: written } },
  }
  const { files } = await generateApi({ spec, output: false, silent: true })
  const code = files.map(({ fileContent }) => fileContent).join('\n')
  const type = /this\.request<(\w+), any>/.exec(code)?.[1]
  const file = new URL(`./${name}.mjs`, import.meta.url)
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
  writeFileSync(file, ts.transpileModule(code, { compilerOptions }).outputText)
  const { Api } = await import(file)
  const { data } = await new Api({ baseUrl, ...options }).thing.readThing()
  return `${type}, ${JSON.stringify(data)}`
}

const reference = { $ref: '#/components/responses/Thing' }
console.log('written out:', await told('a', written))
console.log('by $ref:', await told('b', reference))
console.log('by $ref, told the format:', await told('c', reference, { baseApiParams: { format: 'json' } }))
server.close()
JS
node "$dir/finding.mjs" > "$dir/seen"
diff - "$dir/seen" <<'SEEN'
written out: string, "door"
by $ref: string, null
by $ref, told the format: string, "door"
SEEN
echo 'swagger-typescript-api-response-ref: as it was seen'
