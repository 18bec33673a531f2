/** What every part of a page may ask about the site it is on, without being handed it. */
import { createContext } from 'hono/jsx'

/** The site's own time zone, an IANA name; in the titles of times, which are shown in the reader's. */
export const SiteZone = createContext('UTC')

/** Whether what a list would have was refused: it is not empty, and does not say that it is. */
export const IsUnknown = createContext(false)
