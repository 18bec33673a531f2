/** What every page of the console works with. */
import type { Context, Hono } from 'hono'
import type { GuildhallError } from '../client/index.ts'
import type { LookSettings } from '../settings/look.ts'
import type { Answering, Api, Client } from './api.ts'
import type { Form } from './forms.ts'

export type Whoami = Awaited<ReturnType<Client['v1']['whoami']['$get']>>

export interface ConsoleEnv {
  /** No binding is among them: a page reaches nothing but the API. */
  Bindings: {
    readonly request: {
      readonly requestId: string
      /** Milliseconds since the epoch. */
      readonly now: number
      /** Whether its time is up, and all that is left is to say so. */
      readonly isLate: boolean
      /** The origin, which the session's cookie is good at. */
      readonly publicUrl: string
      readonly look: LookSettings
      readonly zone: string
      /** Whether members may delete themselves. */
      readonly allowsSelfDeletion: boolean
      /** Whether the console is there, and not the account alone. */
      readonly hasConsole: boolean
      readonly waitForSender: <T>(sent: Promise<T>) => Promise<T>
      readonly call: Answering
    }
  }
  Variables: {
    nonce: string
    api: Api
    /** The API with the rights of whoever is signed in. */
    client: Client
    /** Asked for with the first call of the page, and at the same time. */
    me: Promise<Whoami>
    /** What was sent by POST; nothing otherwise. */
    form: Form
    /** What the page asked for and was refused, which it says above the rest of it. */
    refused?: GuildhallError | undefined
  }
}

export type ConsoleContext = Context<ConsoleEnv>
export type ConsoleApp = Hono<ConsoleEnv>

/** Whether they may do it to everybody's, as the API says; the API decides all the same. */
export function may({ permissions }: Whoami, permission: string): boolean {
  return permissions.some((each) => each.permission === permission && each.reach === 'any')
}
