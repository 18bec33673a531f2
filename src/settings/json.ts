/** Settings that are JSON. */

/** Null for what is not JSON, which no schema of a setting accepts. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
