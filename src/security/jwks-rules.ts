export function jwksFault(_set: { keys: readonly Record<string, unknown>[] }): string | undefined {
  return undefined
}
