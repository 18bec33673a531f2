/** Texts that an earlier version has sealed lie in databases and still have to be read. */
import { base64url } from 'jose'
import { expect, it } from 'vitest'
import { unseal } from '../../src/security/tokens/sealing.ts'
import { decrypt } from '../../src/crypto/aes-gcm.ts'

it('the private half of a signing key', async () => {
  const sealed = 'PPzKjv5d5vyRaxXN.SIIahPXj8YD8z0RzNO3LXRF5-VrUhTFR9nHaku-Y4VI-pQ'
  expect(await unseal(sealed, 'the secret of the site', 'kid-1')).toBe('{"private":"half"}')
})

it('an answer that is kept under an Idempotency-Key', async () => {
  const bits = new Uint8Array(32).fill(7)
  const key = await crypto.subtle.importKey('raw', bits, 'AES-GCM', false, ['decrypt'])
  const sealed = 'CQkJCQkJCQkJCQkJXKfl-pzK4wDOEbxdlMjeMXguuv2tGL8KxGGVZE7nqA'
  expect(await decrypt(base64url.decode(sealed), key)).toBe('{"an":"answer"}')
})
