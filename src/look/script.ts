/**
 * The one script of the pages, for niceties: nothing needs it. It puts times into the reader's zone,
 * copies what is to be copied, keeps a form from being sent twice, completes what can be chosen, and
 * shows at once what is typed. What is shown never belongs to something typed before: an answer that
 * comes too late is dropped, and when none comes that is said, and asked again. It is sent without its indentation.
 */
export const SCRIPT =
  `const each = (selector, work) => document.querySelectorAll(selector).forEach(work)
const ago = (at) => {
  let left = (at - Date.now()) / 1000
  const format = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' })
  for (const [unit, size] of Object.entries({ second: 60, minute: 60, hour: 24, day: 30, month: 12, year: Infinity })) {
    if (Math.abs(left) < size) return format.format(Math.round(left), unit)
    left /= size
  }
}
const localize = () => each('time[datetime*=T]:not([data-local])', (time) => {
  const { form } = time.dataset
  const at = new Date(time.dateTime)
  time.dataset.local = ''
  time.textContent = form === 'ago' ? ago(at) : new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', ...(form !== 'day' && { timeStyle: 'short' }) }).format(at)
})
localize()
each('[data-copy]', (button) => {
  button.hidden = !navigator.clipboard
  button.onclick = async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent)
    button.textContent = 'Copied'
  }
})
addEventListener('submit', ({ target, submitter }) => {
  if (submitter && !target.target) setTimeout(() => (submitter.disabled = true))
})
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) each('button:not([data-off])', (button) => (button.disabled = false))
})
each('[data-all]', (box) => {
  box.closest('label').hidden = false
  box.onchange = () => {
    for (const other of box.form.elements) if (other.name === box.dataset.all) other.checked = box.checked
  }
})
each('[data-typed]', (field) => {
  const button = field.form.querySelector('.danger')
  button.dataset.off = ''
  const check = () => (button.disabled = field.value.trim() !== field.dataset.typed)
  field.oninput = check
  check()
})
each('[data-live]', (form) => {
  const { live, from } = form.dataset
  let next
  const ask = async () => {
    const mine = next
    const [status, text] = await fetch(from, {
      method: 'POST',
      body: new URLSearchParams(new FormData(form)),
      signal: AbortSignal.timeout(1e4),
    }).then(async (answer) => [answer.status, await answer.text()]).catch(() => [503, ''])
    if (mine !== next) return
    document.getElementById(live).innerHTML = /^(<!|$)/.test(text) ? 'This could not be asked now.' : text
    localize()
    if (status === 429 || status > 499) next = setTimeout(ask, 2000)
  }
  form.oninput = () => {
    clearTimeout(next)
    next = setTimeout(ask, 350)
  }
})
each('[data-pictures]', (form) => (form.oninput = () => each('[data-picture] .chip', (chip) => {
  const { title, backgroundColor, textColor } = form.elements
  chip.lastChild.textContent = title.value
  chip.style.background = backgroundColor.value
  chip.style.color = textColor.value
})))
each('[data-choices]', async (select) => {
  const choices = fetch(select.dataset.choices).then((answer) => (answer.ok ? answer.json() : []))
  for (const { value, text } of await choices.catch(() => [])) {
    const there = [...select.options].find((option) => option.value === value)
    if (there) there.text = text
    else select.add(new Option(text, value))
  }
})
each('[data-reload]', ({ dataset }) => setTimeout(() => location.reload(), dataset.reload * 1000))
`.replaceAll(/\n +/g, '\n')
