/** An error whose message is everything its reader needs: commands print it without a stack. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}
