/** Reads what other systems export of their users: CSV, lines of JSON, or one JSON array, a record at a time. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { isJsonObject } from '../src/security/tokens/strict-json.ts'
import { Refusal } from './refusal.ts'

export type Fields = Readonly<Record<string, unknown>>

/** One record with the line where it ends, or why it is none. */
export type Read =
  | { readonly line: number; readonly fields: Fields }
  | { readonly line: number; readonly refused: string }

/** More than a user has anywhere; what is longer is a file that is not what it is taken for. */
const MOST_CHARACTERS = 2 ** 20
const CHUNK = 2 ** 16

/** @param encoding as the encoding standard names it. @throws Refusal if the file as a whole cannot be read */
export async function* recordsOf(file: string, encoding: string): AsyncGenerator<Read> {
  const start = await startOf(file, encoding)
  const texts = textOf(file, encoding)
  const first = start.trimStart().at(0)
  if (first === '[') yield* elementsOf(texts)
  else if (first === '{') yield* jsonLinesOf(texts)
  else yield* rowsOf(texts, start)
}

/** The first line of it. @throws Refusal */
async function startOf(file: string, encoding: string): Promise<string> {
  const handle = await open(file).catch(() => {
    throw new Refusal(`${file} cannot be read`)
  })
  const read = await handle.read(Buffer.alloc(CHUNK), 0, CHUNK, 0).catch(() => undefined)
  await handle.close()
  // A folder can be opened, and not read.
  if (!read) throw new Refusal(`${file} cannot be read`)
  const { buffer, bytesRead } = read
  if (bytesRead === 0) throw new Refusal('the file is empty')
  const bytes = buffer.subarray(0, bytesRead)
  const wide = encoding === 'utf-8' ? wideEncodingOf(bytes) : undefined
  if (wide) throw new Refusal(`the file is UTF-16: save it as UTF-8, or say --encoding ${wide}`)
  const text = decoder(encoding, false).decode(bytes)
  if (text.trim() === '') throw new Refusal('the file is empty')
  return text.slice(0, (text.indexOf('\n') + 1 || text.length + 1) - 1)
}

/** By its byte order mark, or where it has none by the zeros beside what is ASCII, as names of columns are. */
function wideEncodingOf(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const [first, second] = bytes
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  const zeros = [0, 0]
  for (const [at, byte] of bytes.entries()) if (byte === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1
  const [even = 0, odd = 0] = zeros
  if (Math.max(even, odd) < bytes.length / 8) return undefined
  return odd > even ? 'utf-16le' : 'utf-16be'
}

function decoder(encoding: string, fatal: boolean): TextDecoder {
  try {
    return new TextDecoder(encoding, { fatal })
  } catch {
    throw new Refusal(`there is no encoding ${encoding}`)
  }
}

/** The text without a byte order mark. @throws Refusal at bytes that are not in the encoding */
async function* textOf(file: string, encoding: string): AsyncGenerator<string> {
  const decode = decoder(encoding, true)
  let line = 1
  const decoded = (bytes?: Uint8Array): string => {
    try {
      return decode.decode(bytes, { stream: bytes !== undefined })
    } catch {
      const close = bytes?.findIndex((byte) => byte > 0x7f) ?? -1
      const until = bytes?.subarray(0, Math.max(close, 0)).filter((byte) => byte === 0x0a).length
      throw new Refusal(
        `the file is not ${encoding}, at line ${line + (until ?? 0)} or behind it; ` +
          'if it is from a spreadsheet, try --encoding windows-1252',
      )
    }
  }
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK })) {
    if (!(chunk instanceof Uint8Array)) throw new Error('a file is bytes')
    const text = decoded(chunk)
    line += text.split('\n').length - 1
    yield text
  }
  yield decoded()
}

/** A row with too few or too many fields is refused alone; where quotes are wrong, nobody knows where rows begin. */
async function* rowsOf(texts: AsyncIterable<string>, header: string): AsyncGenerator<Read> {
  const skipped: { line: number; refused: string }[] = []
  const [delimiter = ','] = [',', ';', '\t'].toSorted(
    (one, other) => header.split(other).length - header.split(one).length,
  )
  const parser = parse({
    delimiter,
    info: true,
    columns: (names: string[]) => columnsOf(names),
    skip_empty_lines: true,
    max_record_size: MOST_CHARACTERS,
    skip_records_with_error: true,
    on_skip(error) {
      if (error?.code !== 'CSV_RECORD_INCONSISTENT_COLUMNS') throw error ?? new Error('no reason')
      const { lines: line } = error
      skipped.push({ line: Number(line), refused: 'it has not as many fields as the first line' })
    },
  })
  const source = Readable.from(texts)
  source.on('error', (error) => parser.destroy(error))
  try {
    for await (const { record, info } of source.pipe(parser)) {
      yield* skipped.splice(0)
      yield { line: Number(info.lines), fields: record }
    }
    yield* skipped
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new Refusal(`the file is no CSV: ${error.message}`)
  }
}

/** @throws Refusal if two have the same name, of which only one would be read */
function columnsOf(names: readonly string[]): string[] {
  const columns = names.map((name) => name.trim().toLowerCase().replaceAll(/[ -]/g, '_'))
  const twice = columns.find((name, at) => name !== '' && columns.indexOf(name) !== at)
  if (twice !== undefined) throw new Refusal(`the column ${twice} is there twice`)
  return columns
}

async function* jsonLinesOf(texts: AsyncIterable<string>): AsyncGenerator<Read> {
  let rest = ''
  let line = 0
  for await (const text of texts) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MOST_CHARACTERS) throw new Refusal(`line ${line + 1} has no end`)
    for (const each of lines) {
      line += 1
      if (each.trim() !== '') yield recordIn(each, line)
    }
  }
  if (rest.trim() !== '') yield recordIn(rest, line + 1)
}

function recordIn(json: string, line: number): Read {
  try {
    const fields: unknown = JSON.parse(json)
    if (isJsonObject(fields)) return { line, fields }
    return { line, refused: 'it is no JSON object' }
  } catch {
    return { line, refused: 'it is no JSON' }
  }
}

/** The elements of arrays, told apart by their brackets, so that the whole of it is never in memory. */
async function* elementsOf(texts: AsyncIterable<string>): AsyncGenerator<Read> {
  let [depth, isText, isEscaped, line] = [0, false, false, 1]
  let element = ''
  for await (const text of texts) {
    let from = 0
    for (let at = 0; at < text.length; at++) {
      const sign = text[at]
      if (sign === '\n') line += 1
      // Pages of an API that were put one after the other are several arrays.
      if (depth === 0 && sign !== '[' && sign?.trim() !== '')
        throw new Refusal(`line ${line}: after the array comes something that is none`)
      if (isText) {
        if (isEscaped) isEscaped = false
        else if (sign === '\\') isEscaped = true
        else if (sign === '"') isText = false
      } else if (sign === '"') isText = true
      else if (sign === '[' || sign === '{') {
        depth += 1
        if (depth === 1) from = at + 1
      } else if (sign === ']' || sign === '}' || (sign === ',' && depth === 1)) {
        if (depth === 1) {
          element += text.slice(from, at)
          if (element.trim() !== '') yield recordIn(element, line)
          element = ''
          from = at + 1
        }
        if (sign !== ',') depth -= 1
      }
    }
    element += text.slice(from)
    if (element.length > MOST_CHARACTERS)
      throw new Refusal(`an element before line ${line} has no end`)
  }
  if (depth > 0) throw new Refusal('the array has no end: the file was cut')
}
