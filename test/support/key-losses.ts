/** Every way in which an API key loses a right. */
import { type Partner, partner } from './keys.ts'
import type { Member, Reply, Site } from './site.ts'

interface Scene {
  readonly root: Member
  readonly boss: Member
  /** A key that `boss` has made, and that its gate knows. */
  readonly key: Partner
}

/** A key that may read the audit log, as its creator may. */
export async function keyScene(site: Site): Promise<Scene> {
  const [root, boss] = [await site.root(), await site.memberWith('admin', crypto.randomUUID())]
  const key = await partner(site, { scopes: ['audit:read'] }, boss)
  const { status } = await key.get('/v1/audit')
  if (status !== 200) throw new Error(`the key may not read the audit log: ${status}`)
  return { root, boss, key }
}

type Act = (scene: Scene) => Promise<Reply>

/** Acts that end the key's right to read the audit log: name, act, status, status if repeated. */
export const LOSSES: readonly (readonly [string, Act, number, number])[] = [
  [
    'a disabling',
    ({ root, key }) => root.patch(`/v1/api-keys/${key.id}`, { enabled: false }),
    200,
    200,
  ],
  [
    'a shrink of scopes',
    ({ root, key }) => root.patch(`/v1/api-keys/${key.id}`, { scopes: [] }),
    200,
    200,
  ],
  [
    'a change with If-Match',
    ({ root, key }) =>
      root.patch(`/v1/api-keys/${key.id}`, { scopes: [] }, { headers: { 'If-Match': '"1"' } }),
    200,
    412,
  ],
  ['a revocation', ({ root, key }) => root.delete(`/v1/api-keys/${key.id}`), 204, 204],
  [
    'a revocation with If-Match',
    ({ root, key }) => root.delete(`/v1/api-keys/${key.id}`, { headers: { 'If-Match': '"1"' } }),
    204,
    204,
  ],
  [
    'a rotation',
    ({ root, key }) =>
      root.post(`/v1/api-keys/${key.id}/rotate`, {}, { headers: { 'Idempotency-Key': key.id } }),
    201,
    201,
  ],
  [
    'a demotion of the creator',
    ({ root, boss }) => root.delete(`/v1/users/${boss.userId}/roles/admin`),
    200,
    200,
  ],
  [
    'a suspension of the creator',
    ({ root, boss }) => root.post(`/v1/users/${boss.userId}/suspend`),
    200,
    200,
  ],
  [
    'a suspension of the creator that is replayed',
    ({ root, boss, key }) =>
      root.post(`/v1/users/${boss.userId}/suspend`, {}, { headers: { 'Idempotency-Key': key.id } }),
    200,
    200,
  ],
  [
    'a deletion of the creator',
    ({ root, boss }) => root.delete(`/v1/users/${boss.userId}`),
    204,
    204,
  ],
]
