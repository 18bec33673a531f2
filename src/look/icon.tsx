/** Icons, drawn in lines of the colour of the text beside them, which says the same. */
import { raw } from 'hono/html'

/** @param paths of an icon of 16 by 16 */
export const Icon = ({ paths }: { readonly paths: string }) => (
  <svg
    viewBox="0 0 16 16"
    fill="none"
    stroke="currentColor"
    stroke-width="1.5"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    {raw(paths)}
  </svg>
)
