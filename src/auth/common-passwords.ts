/**
 * What most leaked passwords are made of: the words at the top of the public lists (SplashData's and
 * NordPass's yearly ones, as collected in Wikipedia's "List of the most common passwords").
 */
export const BASE_WORDS: readonly string[] = (
  'password passwort passw0rd motdepasse contrasena senha admin administrator root user login guest ' +
  'welcome willkommen secret letmein changeme default master access test testing hello hallo ' +
  'iloveyou loveyou love lovely sunshine princess flower football baseball basketball soccer hockey ' +
  'superman batman spiderman pokemon starwars dragon monkey shadow tigger tiger lion eagle falcon ' +
  'michael jordan jennifer jessica ashley daniel charlie thomas andrew matthew joshua robert ' +
  'george hunter ranger killer ninja mustang ferrari mercedes porsche harley corvette yamaha ' +
  'trustno1 whatever freedom computer internet google facebook linkedin twitter microsoft apple ' +
  'samsung android windows summer winter autumn spring january february march april may june july ' +
  'august september october november december monday tuesday wednesday thursday friday saturday ' +
  'sunday london paris berlin newyork america liverpool chelsea arsenal barcelona madonna michelle ' +
  'nicole cookie cheese pepper ginger chocolate banana orange purple yellow silver golden diamond ' +
  'angel heaven jesus christ blessed family mother father babygirl babyboy qwerty azerty qwertz ' +
  'asdfgh zxcvbn asdf qazwsx 1qaz2wsx abc correcthorsebatterystaple correct horse battery staple ' +
  'guildhall members member the and my is this you for new old one two three'
).split(' ')

const ROWS = [
  '01234567890',
  '!@#$%^&*()_+',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'qwertzuiopü',
  'azertyuiop',
  'qazwsxedcrfvtgbyhnujmikolp',
]

export const KEYBOARD_ROWS: readonly string[] = ROWS.flatMap((row) => [
  row,
  Array.from(row).toReversed().join(''),
])
