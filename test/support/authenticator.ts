/**
 * An authenticator in software (WebAuthn Level 3, section 6) with one ES256 credential. It answers
 * as a browser would, or wrongly where a test asks for that.
 */
import { exportJWK, generateKeyPair } from 'jose'

type Json = Readonly<Record<string, unknown>>
type Bytes = Uint8Array<ArrayBuffer>

export interface CeremonyOptions {
  readonly challenge: string
}

/** Parts of an answer that a test can make wrong on purpose. */
export interface Deviations {
  readonly origin?: string
  readonly rpId?: string
  readonly type?: string
  readonly challenge?: string
  readonly counter?: number
  readonly isUserVerified?: boolean
  /** A credential id that is given instead of the true one. */
  readonly id?: string
}

export type Authenticator = Awaited<ReturnType<typeof makeAuthenticator>>

export async function makeAuthenticator(site: string) {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const { x = '', y = '' } = await exportJWK(publicKey)
  const id = base64url(crypto.getRandomValues(new Uint8Array(32)))

  function clientData(type: string, { challenge }: CeremonyOptions, by: Deviations): Bytes {
    const data = { type: by.type ?? type, challenge: by.challenge ?? challenge }
    return utf8(JSON.stringify({ ...data, origin: by.origin ?? site, crossOrigin: false }))
  }

  /**
   * Authenticator data (section 6.1): hash of the RP id, flags, counter, key of a new credential.
   */
  async function authData(by: Deviations, attested: Bytes = new Uint8Array()): Promise<Bytes> {
    const rpIdHash = await sha256(utf8(by.rpId ?? new URL(site).hostname))
    const [userPresent, userVerified, hasCredential] = [0x01, 0x04, 0x40]
    const flags =
      userPresent |
      (by.isUserVerified === false ? 0 : userVerified) |
      (attested.length > 0 ? hasCredential : 0)
    const counter = new Uint8Array(4)
    new DataView(counter.buffer).setUint32(0, by.counter ?? 0)
    return joined(rpIdHash, new Uint8Array([flags]), counter, attested)
  }

  return {
    id,

    /** Answers `generate-register-options`. */
    async create(options: CeremonyOptions, by: Deviations = {}): Promise<Json> {
      const credentialId = fromBase64url(by.id ?? id)
      const length = new Uint8Array([credentialId.length >> 8, credentialId.length & 0xff])
      const aaguid = new Uint8Array(16)
      const data = await authData(by, joined(aaguid, length, credentialId, coseKey(x, y)))
      return {
        id: by.id ?? id,
        rawId: by.id ?? id,
        type: 'public-key',
        response: {
          clientDataJSON: base64url(clientData('webauthn.create', options, by)),
          attestationObject: base64url(attestation(data)),
          transports: ['internal'],
        },
        clientExtensionResults: {},
      }
    },

    /** Answers `generate-authenticate-options`. */
    async get(options: CeremonyOptions, by: Deviations = {}): Promise<Json> {
      const [data, client] = [await authData(by), clientData('webauthn.get', options, by)]
      const signed = joined(data, await sha256(client))
      const hash = { name: 'ECDSA', hash: 'SHA-256' }
      const signature = await crypto.subtle.sign(hash, privateKey, signed)
      return {
        id: by.id ?? id,
        rawId: by.id ?? id,
        type: 'public-key',
        response: {
          clientDataJSON: base64url(client),
          authenticatorData: base64url(data),
          signature: base64url(der(new Uint8Array(signature))),
        },
        clientExtensionResults: {},
      }
    },
  }
}

/** The public key as a COSE key (RFC 9052): EC2, ES256, P-256. */
function coseKey(x: string, y: string): Bytes {
  const head = new Uint8Array([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01])
  const [xHead, yHead] = [new Uint8Array([0x21, 0x58, 32]), new Uint8Array([0x22, 0x58, 32])]
  return joined(head, xHead, fromBase64url(x), yHead, fromBase64url(y))
}

/** CBOR of `{ fmt: 'none', attStmt: {}, authData }`. */
function attestation(data: Bytes): Bytes {
  const length = new Uint8Array([0x59, data.length >> 8, data.length & 0xff])
  const [fmt, none] = [text('fmt'), text('none')]
  const attStmt = joined(text('attStmt'), new Uint8Array([0xa0]))
  return joined(new Uint8Array([0xa3]), fmt, none, attStmt, text('authData'), length, data)
}

/** CBOR of a text shorter than 24 bytes. */
function text(value: string): Bytes {
  return joined(new Uint8Array([0x60 + value.length]), utf8(value))
}

/** Turns WebCrypto's signature `r | s` into the ASN.1 sequence that WebAuthn takes. */
function der(raw: Bytes): Bytes {
  const [r, s] = [integer(raw.subarray(0, 32)), integer(raw.subarray(32))]
  return joined(new Uint8Array([0x30, r.length + s.length]), r, s)
}

function integer(bytes: Bytes): Bytes {
  const start = bytes.findIndex((byte) => byte !== 0)
  const value = bytes.subarray(start)
  const padded = (value[0] ?? 0) & 0x80 ? joined(new Uint8Array(1), value) : value
  return joined(new Uint8Array([0x02, padded.length]), padded)
}

async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
}

function joined(...parts: readonly Bytes[]): Bytes {
  return new Uint8Array(parts.flatMap((part) => [...part]))
}

function utf8(value: string): Bytes {
  return new Uint8Array(new TextEncoder().encode(value))
}

function base64url(bytes: Bytes): string {
  return Buffer.from(bytes).toString('base64url')
}

function fromBase64url(value: string): Bytes {
  return new Uint8Array(Buffer.from(value, 'base64url'))
}
