/** Receivers of webhooks in place of `fetch`: what each was sent, and how it answers. */
import { onTestFinished, vi } from 'vitest'

export interface Received {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  readonly event: { readonly id: string; readonly type: string; readonly subject: string }
}

type Answering = (received: Received, attempt: number) => Response | Promise<Response>

/** All addresses answer 204 until they are told otherwise, by host. */
export function receivers() {
  const received: Received[] = []
  const answers = new Map<string, Answering>()
  const spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    const text = await request.text()
    const { url } = request
    const headers = Object.fromEntries(request.headers)
    const one = { url, headers, text, event: JSON.parse(text) }
    received.push(one)
    const { host } = new URL(url)
    const attempt = received.filter((each) => new URL(each.url).host === host).length
    return (await answers.get(host)?.(one, attempt)) ?? new Response(null, { status: 204 })
  })
  onTestFinished(() => spy.mockRestore())
  return {
    received,
    /** What a host has received. */
    at: (host: string) => received.filter(({ url }) => new URL(url).host === host),
    answer: (host: string, how: Answering) => void answers.set(host, how),
  }
}
