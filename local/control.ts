/**
 * The way from a command to the process that serves the site, which alone holds its database and objects:
 * HTTP on a port of this machine, answered line by line as the work goes on. What may be asked for is in
 * stores.ts and, for `npm run seed`, in fill.ts.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { json } from 'node:stream/consumers'
import { Refusal } from './refusal.ts'

/** Does what was asked. `say` sends a line at once. @throws Refusal */
export type Asked = (request: unknown, say: (line: Line) => void) => Promise<void>

export type Line =
  | { readonly progress: readonly [what: string, done: number, all: number] }
  | { readonly done: unknown }
  | { readonly refused: string }

/** Whoever does not know the secret is not answered, a page in a browser among them. */
export function control(secret: string, asked: Asked): Server {
  return createServer((request, response) => {
    if (request.headers.authorization !== `Bearer ${secret}`) {
      request.socket.destroy()
      return
    }
    response.writeHead(200, { 'Content-Type': 'application/jsonl' })
    const say = (line: Line) => response.write(`${JSON.stringify(line)}\n`)
    carryOut(request, asked, say).then(
      () => response.end(),
      (error: unknown) => {
        if (!(error instanceof Refusal)) console.error(error)
        say({ refused: error instanceof Refusal ? error.message : 'it failed; see its terminal' })
        response.end()
      },
    )
  })
}

async function carryOut(request: IncomingMessage, asked: Asked, say: (line: Line) => void) {
  await asked(await json(request), say)
}

/** Has the process behind the port do something. @returns what it did. @throws Refusal */
export async function askProcess(
  { lockPort, secret }: { readonly lockPort: number; readonly secret: string },
  request: object,
  progress: (what: string, done: number, all: number) => void,
): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${lockPort}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${secret}` },
    body: JSON.stringify(request),
  })
  let rest = ''
  for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    for (const text of lines) {
      const line: Line = JSON.parse(text)
      if ('refused' in line) throw new Refusal(line.refused)
      if ('done' in line) return line.done
      progress(...line.progress)
    }
  }
  throw new Refusal('the process that serves the site has stopped')
}
