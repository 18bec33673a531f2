import { env } from 'cloudflare:workers'

/** Makes all identities look as if they had been linked `ms` milliseconds ago. */
export async function aged(ms: number): Promise<void> {
  const at = new Date(Date.now() - ms).toISOString()
  await env.DB.prepare('update identities set created_at = ?').bind(at).run()
}
