/** The files of our own that pages load, as the text that is sent. */

/**
 * Starts Swagger UI on this site's own document. Nothing is kept when the page is left, and a call
 * carries the credential given on the page and no cookie.
 */
export const START_SCRIPT = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor: (request) => Object.assign(request, { credentials: 'omit' }),
})
`

/** Swagger UI has a style of its own for what is inside `#api`; nothing here reaches into it. */
export const PAGE_STYLE = `:root { color-scheme: light }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: #1f2328; background: #fff }
.text { max-width: 72ch; margin: 0 auto; padding: 1rem 20px }
.links { max-width: 1420px; margin: 0 auto; padding: 1rem 20px 0; display: flex; flex-wrap: wrap; gap: 0 1.5rem }
.text a, .links a { color: #0b57d0 }
.text code { font: .9em ui-monospace, monospace; background: #f0f2f4; padding: .1em .3em; border-radius: 3px }
.text table { border-collapse: collapse }
.text :is(th, td) { text-align: left; vertical-align: top; padding: .3rem 1rem .3rem 0 }
`
