import { env } from 'cloudflare:workers'

/** Every identity that was ever linked was linked so long ago. */
export async function aged(ms: number): Promise<void> {
  const at = new Date(Date.now() - ms).toISOString()
  await env.DB.prepare('update identities set created_at = ?').bind(at).run()
}
