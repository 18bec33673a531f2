/** Where members are at home: in a build without the pages of the account, where they sign in and out. */

/** `wrangler deploy --define WITHOUT_CONSOLE:true` leaves those pages out of what is uploaded. */
declare const WITHOUT_CONSOLE: true | undefined

export const HAS_ACCOUNT_PAGES = typeof WITHOUT_CONSOLE === 'undefined'
export const ACCOUNT_HOME = HAS_ACCOUNT_PAGES ? '/account' : '/auth/account'
