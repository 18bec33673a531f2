/** The scripts of the login's pages. A page loads nothing else, and runs nothing that is inline. */

export const PASSKEY_SCRIPT = `const signIn = document.querySelector('#passkey-sign-in')
const add = document.querySelector('#passkey-add')
const error = document.querySelector('#passkey-error')
const supported = 'PublicKeyCredential' in window &&
  'parseCreationOptionsFromJSON' in PublicKeyCredential

async function call(path, body) {
  const response = await fetch('/auth/passkey/' + path, body && {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (response.ok) return response.json()
  if (response.status === 429) throw new Error('Too many attempts. Wait a while.')
  if (response.status === 403 || response.status === 401) throw new Error('Sign in again, then try once more.')
  throw new Error('That did not work.')
}

async function attempt(work) {
  error.hidden = true
  try {
    location.assign(await work())
  } catch (caught) {
    if (caught.name === 'AbortError') return
    error.textContent = caught.name === 'NotAllowedError' ? 'No passkey was given.' : caught.message
    error.hidden = false
  }
}

for (const button of [signIn, add]) if (button && supported) button.hidden = false

let offered
async function enter(mediation) {
  offered?.abort()
  offered = new AbortController()
  const { signal } = offered
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await call('generate-authenticate-options'))
  const credential = await navigator.credentials.get({ publicKey, mediation, signal })
  const stays = document.querySelector('[name=stay][type=checkbox]').checked
  await call('verify-authentication', { response: credential.toJSON(), stays })
  return signIn.dataset.next
}

signIn?.addEventListener('click', () => attempt(() => enter('optional')))

// Passkeys among what the browser fills in, from when somebody turns to the field.
signIn?.form.elements.email.addEventListener('focus', async () => {
  if (supported && await PublicKeyCredential.isConditionalMediationAvailable?.()) attempt(() => enter('conditional'))
}, { once: true })

add?.addEventListener('click', () => attempt(async () => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await call('generate-register-options'))
  const credential = await navigator.credentials.create({ publicKey })
  await call('verify-registration', { response: credential.toJSON() })
  return '/auth/account'
}))
`

export const MAILED_CODE_SCRIPT = `const form = document.querySelector('#mailed-code')

function take() {
  const code = location.hash.slice(1)
  if (code === '') return
  form.elements.token.value = code
  form.elements.token.closest('label').hidden = true
  history.replaceState(null, '', location.pathname)
  if ('sendsItself' in form.dataset) form.requestSubmit()
}

addEventListener('hashchange', take)
take()
`
