#!/bin/sh
# Versions: openapi-to-postmanv2 6.3.3, Node 24.21.0.
# Guess: from an OpenAPI 3.1 document whose schema has `const`, a collection is made that sends that value.
# Seen: `const` is ignored. A text that has to be one value becomes the word "string", a number another one at each
#   run, and a `const` without a `type` an empty object. An `enum` of one value is sent as it should be.
# Cost: every request of the collection whose body has a `const` is refused by an API that checks it.
# So: give such a body an example, which is used where it is asked for, or write an `enum` of one.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --prefix "$dir" --silent --ignore-scripts openapi-to-postmanv2@6.3.3
cat > "$dir/finding.mjs" <<'JS'
import converter from 'openapi-to-postmanv2'

/** The body that is sent where this is the only property of it. */
async function sentFor(kind) {
  const schema = { type: 'object', required: ['kind'], properties: { kind } }
  const post = {
    requestBody: { content: { 'application/json': { schema } } },
    responses: { 204: { description: 'Done' } },
  }
  const data = { openapi: '3.1.0', info: { title: 'Things', version: '1' }, paths: { '/things': { post } } }
  const options = { requestParametersResolution: 'Example' }
  const { output } = await new Promise((resolve, reject) =>
    converter.convert({ type: 'json', data }, options, (error, made) => (error ? reject(error) : resolve(made))),
  )
  const [item] = output[0].data.item
  return JSON.parse((item.item?.[0] ?? item).request.body.raw).kind
}

console.log('const, a text:', await sentFor({ type: 'string', const: 'door' }))
console.log('const, a number:', (await sentFor({ type: 'integer', const: 7 })) === 7 ? 'sent' : 'another one')
console.log('const without a type:', JSON.stringify(await sentFor({ const: 'door' })))
console.log('enum of one:', await sentFor({ type: 'string', enum: ['door'] }))
console.log('example beside const:', await sentFor({ type: 'string', const: 'door', example: 'door' }))
JS
node "$dir/finding.mjs" > "$dir/seen"
diff - "$dir/seen" <<'SEEN'
const, a text: string
const, a number: another one
const without a type: {}
enum of one: door
example beside const: door
SEEN
echo 'openapi-to-postmanv2-const: as it was seen'
