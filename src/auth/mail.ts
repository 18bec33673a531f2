/** What the mails of the login say. */
import type { Mail } from '../env.ts'

const CODE = 'If the page asks for a code, it is what follows the # in the link.'
const IGNORE = 'If this was not you, you can ignore this mail: nothing happens without the link.'

export const MAILS = {
  signUp: (to: string, link: string): Mail => ({
    to,
    subject: 'Confirm your address',
    text: `Somebody, probably you, wants to sign up with this address. Confirm it and choose a password:

${link}

${CODE}
The link is good for one hour and once. ${IGNORE}`,
  }),
  signUpKnown: (to: string, site: string): Mail => ({
    to,
    subject: 'You have an account already',
    text: `Somebody, probably you, wants to sign up with this address. There is an account for it already:

${site}/auth/sign-in

Forgot the password? ${site}/auth/forgot
If this was not you, you can ignore this mail.`,
  }),
  reset: (to: string, link: string): Mail => ({
    to,
    subject: 'Choose a new password',
    text: `Somebody, probably you, forgot the password of this account. Choose a new one:

${link}

${CODE}
The link is good for one hour and once. ${IGNORE}`,
  }),
  resetUnknown: (to: string, site: string): Mail => ({
    to,
    subject: 'There is no account for this address',
    text: `Somebody, probably you, forgot a password. There is no account for this address; perhaps it has another one, or none yet:

${site}/auth/sign-up

If this was not you, you can ignore this mail.`,
  }),
  changeEmail: (to: string, link: string): Mail => ({
    to,
    subject: 'Confirm your new address',
    text: `Confirm that this is the new address of your account:

${link}

Open it where you are signed in. ${CODE}
It is good for one hour and once. ${IGNORE}`,
  }),
  changeEmailTaken: (to: string, site: string): Mail => ({
    to,
    subject: 'This address has an account already',
    text: `Somebody wants to make this the address of their account, but there is one for it already:

${site}/auth/sign-in

If this was not you, you can ignore this mail.`,
  }),
  passwordChanged: (to: string, site: string): Mail => ({
    to,
    subject: 'The password was changed',
    text: `The password of your account was changed just now, and every session was signed out.

If this was not you, choose a new password at once: ${site}/auth/forgot`,
  }),
  /** To the old address, which the account is not found by any more. */
  addressChanged: (to: string, site: string): Mail => ({
    to,
    subject: 'The address was changed',
    text: `Your account at ${site} has another address since just now, and every session was signed out. Mail of the login goes there from now on.

If this was not you, write to whoever runs the site: from here you cannot take the account back.`,
  }),
  passkeyAdded: (to: string, site: string): Mail => ({
    to,
    subject: 'A passkey was added',
    text: `A passkey was added to your account just now; whoever has it can sign in with it.

If this was not you, remove it at ${site}/auth/account and choose a new password: ${site}/auth/forgot`,
  }),
  passkeyRemoved: (to: string, site: string): Mail => ({
    to,
    subject: 'A passkey was removed',
    text: `A passkey was removed from your account just now; it signs nobody in any more.

If this was not you, choose a new password: ${site}/auth/forgot`,
  }),
} as const
