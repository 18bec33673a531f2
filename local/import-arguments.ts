/** How `npm run import` is called. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { FORMATS, isIssuer } from './import-formats.ts'

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
  issuer: z.string().refine(isIssuer).optional(),
  encoding: z.string().toLowerCase().default('utf-8'),
  report: z.string().optional(),
  'dry-run': z.boolean().default(false),
  remote: z.boolean().default(false),
})
export type Arguments = z.infer<typeof Arguments>

/** @returns undefined if that is no way to call it */
export function readArguments(args: string[]): Arguments | undefined {
  try {
    const text = { type: 'string' } as const
    const flag = { type: 'boolean' } as const
    const { values, positionals } = parseArgs({
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
    const [file, ...others] = positionals
    if (others.length > 0) return undefined
    const given = Arguments.safeParse({ file, ...values }).data
    if (!given || (given.from !== 'csv' && given.issuer === undefined)) return undefined
    return resolve(given.file) === resolve(given.report ?? '') ? undefined : given
  } catch {
    return undefined
  }
}
