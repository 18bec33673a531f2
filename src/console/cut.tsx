/** What is said below a list that is longer than what a page shows of it. */
import { MOST, type Whole } from './lists.ts'

export const Cut = ({ of: { isMore } }: { readonly of: Whole<unknown> }) =>
  isMore ? <p class="panel warn">These are the first {MOST}. There are more, by API.</p> : <></>
