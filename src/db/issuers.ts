/** The issuers that are this site itself, as stored with an identity and named in tokens. */

/** The issuer of the built-in login's members, wherever the site is at home. */
export const BUILT_IN = 'built-in'

/** The issuer of visitors, in their tokens too: which site they are of, only its keys can tell. */
export const VISITORS = 'urn:guildhall:visitors'
