/** What a tool is tried with. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export interface Trying {
  /** An empty folder, from which the packages can be imported. */
  readonly folder: string
  readonly installed: string
  readonly site: string
  /** Of the admin. */
  readonly token: string
  /** Of somebody whom the site has not met. */
  readonly another: string
}

/**
 * Runs a program of Node, while this process goes on with what the site needs of it.
 * @returns what it prints @throws Error with that if it fails
 */
export async function run(cwd: string, ...args: readonly string[]): Promise<string> {
  const options = { cwd, maxBuffer: 2 ** 28 }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, options)
  return stdout + stderr
}

/** @returns the parsed answer @throws Error if it is no success */
export async function asked<T>(url: string, init?: RequestInit): Promise<T> {
  const answer = await fetch(url, init)
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${text}`)
  return JSON.parse(text)
}
