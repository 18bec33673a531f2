/**
 * Stands for `@peculiar/x509` in every build (`[alias]` in wrangler.toml). Only certificates of the makers
 * of authenticators are read with it, up to a root and at the addresses that they name themselves. This
 * site asks for none (`attestation: none`), so a passkey that comes with such a chain is refused, and
 * nobody's certificate has the Worker call anywhere. It is a twentieth of the code besides.
 */
function NotRead(): never {
  throw new Error('certificates of authenticators are not read here')
}

export const AuthorityKeyIdentifierExtension = NotRead
export const CRLDistributionPointsExtension = NotRead
export const SubjectKeyIdentifierExtension = NotRead
export const X509Certificate = NotRead
export const X509ChainBuilder = NotRead
export const X509Crl = NotRead
