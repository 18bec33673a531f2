/**
 * The one script of the pages, for niceties: nothing needs it. It puts times into the reader's zone,
 * copies what is to be copied, keeps a form from being sent twice, and shows what is chosen at once.
 */
export const SCRIPT = `const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
for (const time of document.querySelectorAll('time[datetime*=T]')) {
  const at = new Date(time.dateTime)
  const form = time.dataset.form === 'day' ? { dateStyle: 'medium' } : { dateStyle: 'medium', timeStyle: 'short' }
  time.title = time.title || time.textContent
  time.textContent = time.dataset.form === 'ago' ? ago(at) : new Intl.DateTimeFormat(undefined, { ...form, timeZone: zone }).format(at)
}
function ago(at) {
  let left = (at - Date.now()) / 1000
  const format = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' })
  for (const [unit, size] of [['second', 60], ['minute', 60], ['hour', 24], ['day', 30], ['month', 12], ['year', Infinity]]) {
    if (Math.abs(left) < size) return format.format(Math.round(left), unit)
    left /= size
  }
}
for (const button of document.querySelectorAll('[data-copy]')) {
  button.hidden = !navigator.clipboard
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent)
    const before = button.textContent
    button.textContent = 'Copied'
    setTimeout(() => (button.textContent = before), 1500)
  })
}
document.addEventListener('submit', ({ target, submitter }) => {
  if (target.method !== 'post' || target.target) return
  setTimeout(() => { if (submitter) submitter.disabled = true })
})
addEventListener('pageshow', () => {
  for (const button of document.querySelectorAll('form button:disabled:not([data-off])')) button.disabled = false
})
for (const box of document.querySelectorAll('[data-all]')) box.addEventListener('change', () => {
  for (const each of box.closest('form').querySelectorAll('[name="' + box.dataset.all + '"]')) each.checked = box.checked
})
for (const sure of document.querySelectorAll('[data-typed]')) {
  const button = sure.form.querySelector('button.danger')
  const check = () => (button.disabled = sure.value.trim() !== sure.dataset.typed)
  button.dataset.off = ''
  sure.addEventListener('input', check)
  check()
}
for (const form of document.querySelectorAll('form[data-live]')) {
  const shown = document.getElementById(form.dataset.live)
  let asked
  form.addEventListener('input', () => {
    clearTimeout(asked)
    asked = setTimeout(async () => {
      const answer = await fetch(form.dataset.from, { method: 'POST', body: new URLSearchParams(new FormData(form)) })
      if (answer.ok) shown.replaceChildren(...new DOMParser().parseFromString(await answer.text(), 'text/html').body.childNodes)
    }, 350)
  })
}
for (const form of document.querySelectorAll('form[data-pictures]')) form.addEventListener('input', () => {
  for (const chip of document.querySelectorAll('[data-picture] .chip')) {
    const { title, backgroundColor, textColor } = form.elements
    chip.textContent = title.value || 'Untitled'
    chip.style.background = backgroundColor.value
    chip.style.color = textColor.value
  }
})
const reload = document.querySelector('[data-reload]')
if (reload) setTimeout(() => location.reload(), Number(reload.dataset.reload) * 1000)
`
