import { expect, test } from 'vitest'
import { testSite } from '../support/site.ts'

test('a visit satisfies a rule, the cron awards the badge, and the log names the elevation', async () => {
  const site = testSite()
  const ada = await site.member('ada')
  const root = await site.root()
  const badge = await root.post('/v1/badges', { title: 'Regular' })
  expect(badge.status).toBe(201)
  const rule = await root.post('/v1/badge-rules', {
    badgeId: badge.body.id,
    metric: 'visits',
    threshold: 1,
  })
  expect(rule.status).toBe(201)
  expect(await ada.post('/v1/me/visits')).toMatchObject({
    status: 201,
    body: { counted: true, total: 1 },
  })
  expect(await ada.post('/v1/me/visits')).toMatchObject({
    status: 200,
    body: { counted: false, total: 1 },
  })
  await site.tick()
  const badges = await site.anonymous.get(`/v1/users/${ada.userId}/badges`)
  expect(badges.body.items).toMatchObject([{ assignedBy: 'rule', badge: { slug: 'regular' } }])
  const audit = await root.get('/v1/audit?action=badge.assign')
  expect(audit.body.items).toMatchObject([{ actor: 'system:badge-awarder', target: ada.userId }])
})
