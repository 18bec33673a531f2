/** The authorization matrix as data. */
import * as z from 'zod'
import { ANSWERS, CALLER_NAMES, matrixOf, PAGE_ANSWERS, pageMatrix } from '../http/matrix.ts'
import { type Route, route } from '../http/route.ts'
import { PERMISSION_NAMES, PERMISSIONS } from '../security/permissions.ts'
import { MANY, PermissionName, shownText } from './schemas.ts'

const Matrix = z
  .object({
    permissions: z
      .array(
        z.object({
          name: PermissionName,
          description: shownText(200),
          reaches: z.array(z.enum(['own', 'any'])).max(2),
          keyScope: z.boolean().meta({ description: 'Whether an API key may carry it' }),
        }),
      )
      .max(MANY),
    callers: z.array(z.enum(CALLER_NAMES)).max(CALLER_NAMES.length),
    routes: z
      .array(
        z.object({
          method: shownText(10),
          path: shownText(200),
          access: shownText(200).meta({
            description: 'The permission it takes, or why it is open',
          }),
          answers: z.record(z.enum(CALLER_NAMES), z.enum(ANSWERS)),
        }),
      )
      .max(MANY),
    pages: z
      .array(
        z.object({
          access: shownText(200).meta({
            description: 'The access of a page rule, or that no rule is about the page',
          }),
          answers: z.record(z.enum(CALLER_NAMES), z.enum(PAGE_ANSWERS)),
        }),
      )
      .max(MANY)
      .meta({ description: 'Kinds of page rules: which a site has, `GET /v1/page-rules` says' }),
  })
  .meta({ id: 'Permissions' })

/** @param routes all of them, asked for when the matrix is: this route is one of them */
export const readPermissions = (routes: () => readonly Route[]) =>
  route({
    method: 'GET',
    path: '/v1/permissions',
    summary:
      'Who may call what: every route, and every kind of page, by every kind of caller and role',
    access: { open: 'The rules of a site are no secret; who has which role is' },
    input: {},
    output: Matrix,
    async run() {
      const permissions = PERMISSION_NAMES.map((name) => {
        const { description, reaches, keyScope } = PERMISSIONS[name]
        return { name, description, reaches: [...reaches], keyScope }
      })
      return {
        permissions,
        callers: [...CALLER_NAMES],
        routes: matrixOf(routes()),
        pages: pageMatrix(),
      }
    },
  })
