/** Bodies of answers from elsewhere, which may be longer or slower than anybody wants. */

/**
 * @returns undefined if there are more than `max` bytes; the rest of them is not read
 * @throws the reason of `signal`, if it is aborted before all is read
 */
export async function boundedBytes(
  { body }: Response,
  max: number,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (!body) return new Uint8Array()
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  const stop = () => {
    reader.cancel(signal.reason).catch(() => undefined)
  }
  // A pending read ends when its stream is cancelled; what has been read by then is not an answer.
  signal.addEventListener('abort', stop)
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    size += read.value.byteLength
    if (size > max) {
      stop()
      return undefined
    }
    chunks.push(read.value)
  }
  signal.throwIfAborted()
  return concatenated(chunks, size)
}

function concatenated(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.byteLength
  }
  return whole
}
