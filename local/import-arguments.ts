/** How `npm run import` is called. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { FORMATS, isIssuer } from './import-formats.ts'
import { Refusal } from './refusal.ts'

export const USAGE = `usage: npm run import -- FILE --from csv|auth0|clerk|supabase [--issuer URL]
         [--encoding NAME] [--report FILE] [--dry-run] [--remote]

  FILE        the export: CSV, lines of JSON, or a JSON array
  --issuer    the issuer of the tokens that these people will come with, as in TRUSTED_ISSUERS;
              a CSV may have a column issuer instead
  --encoding  of the file, as in windows-1252; utf-8 unless given
  --report    where refused records are listed; FILE.refused.csv unless given
  --dry-run   says what would be done, and changes nothing
  --remote    on the deployed site, by wrangler and your Cloudflare login`

const Arguments = z.strictObject({
  file: z.string(),
  from: z.enum(FORMATS),
  issuer: z.string().optional(),
  encoding: z.string().toLowerCase().default('utf-8'),
  report: z.string().optional(),
  'dry-run': z.boolean().default(false),
  remote: z.boolean().default(false),
})
export type Arguments = z.infer<typeof Arguments>

/**
 * @returns undefined if that is no way to call it
 * @throws Refusal that names the value which is wrong
 */
export function readArguments(args: string[]): Arguments | undefined {
  const given = parsed(args)
  if (!given) return undefined
  const { from, issuer } = given.values
  if (from !== undefined && !FORMATS.some((each) => each === from))
    throw new Refusal(`--from ${from}: expected ${FORMATS.join(', ')}`)
  if (issuer !== undefined && !isIssuer(issuer))
    throw new Refusal(
      `--issuer ${given.values.issuer}: expected an https address, as in https://login.members.example`,
    )
  const [file, ...others] = given.positionals
  if (others.length > 0) return undefined
  const read = Arguments.safeParse({ file, ...given.values }).data
  if (!read) return undefined
  if (read.from !== 'csv' && read.issuer === undefined)
    throw new Refusal(`--from ${read.from} needs --issuer: no record of it says one`)
  return resolve(read.file) === resolve(read.report ?? '') ? undefined : read
}

function parsed(args: string[]) {
  try {
    const text = { type: 'string' } as const
    const flag = { type: 'boolean' } as const
    return parseArgs({
      args,
      options: {
        from: text,
        issuer: text,
        encoding: text,
        report: text,
        'dry-run': flag,
        remote: flag,
      },
      allowPositionals: true,
    })
  } catch {
    return undefined
  }
}
