/** The contract's policy in Cedar, an engine and a language that share nothing with the code. */
import { readFileSync } from 'node:fs'
import {
  type EntityJson,
  preparsePolicySet,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs'
import type { Actor } from '../../../src/security/actor.ts'
import type { Permission, Role } from '../../../src/security/permissions.ts'
import type { Case, TargetName } from './policy-cases.ts'

export function loadContract(): void {
  const policy = readFileSync(new URL('../contract.cedar', import.meta.url), 'utf8')
  const parsed = preparsePolicySet('contract', { staticPolicies: policy })
  if (parsed.type === 'failure') throw new Error(JSON.stringify(parsed.errors))
}

/** An actor and a target as Cedar's entities. */
function principalOf(actor: Actor) {
  const actions = (names: readonly string[]) =>
    names.map((id) => ({ __entity: { type: 'Action', id } }))
  switch (actor.kind) {
    case 'anonymous':
      return { uid: { type: 'Anonymous', id: 'nobody' }, attrs: {}, parents: [] }
    case 'visitor':
      return { uid: { type: 'Visitor', id: actor.visitorId }, attrs: {}, parents: [] }
    case 'member': {
      const attrs = { roles: [...actor.roles], status: actor.status }
      return { uid: { type: 'Member', id: actor.userId }, attrs, parents: [] }
    }
    case 'partner': {
      const attrs = { scopes: actions(actor.scopes) }
      return { uid: { type: 'Partner', id: actor.keyId }, attrs, parents: [] }
    }
    case 'system':
      return { uid: { type: 'System', id: actor.identity }, attrs: {}, parents: [] }
  }
}

function resourceOf(name: TargetName, { type, id }: { type: string; id: string }) {
  const owner = { __entity: name === 'other' ? { type: 'Member', id: 'usr_2' } : { type, id } }
  if (name === 'site') return { uid: { type: 'Site', id: 'site' }, attrs: {}, parents: [] }
  const uid = { type: name === 'self' ? 'Session' : 'Thing', id: '1' }
  return { uid, attrs: { owner }, parents: [] }
}

export function cedarAllows({ actor, permission, target }: Case): boolean {
  const principal = principalOf(actor)
  return isAllowed(principal, permission, resourceOf(target, principal.uid))
}

/** Tells whether the actor may take something from another member who has these roles. */
export function cedarAllowsTaking(
  actor: Actor,
  permission: Permission,
  roles: readonly Role[],
): boolean {
  const uid = { type: 'Member', id: 'usr_2' }
  return isAllowed(principalOf(actor), permission, {
    uid,
    attrs: { roles: [...roles] },
    parents: [],
  })
}

function isAllowed(principal: EntityJson, permission: string, resource: EntityJson): boolean {
  const answer = statefulIsAuthorized({
    principal: principal.uid,
    action: { type: 'Action', id: permission },
    resource: resource.uid,
    context: {},
    preparsedPolicySetId: 'contract',
    entities: [principal, resource],
  })
  if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors))
  const { decision, diagnostics } = answer.response
  if (diagnostics.errors.length > 0) throw new Error(JSON.stringify(diagnostics.errors))
  return decision === 'allow'
}
