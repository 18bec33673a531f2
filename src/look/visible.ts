/** Names as they are seen, to compare what somebody types with what is there. */

/** What takes no place on a page, and the one sign that is drawn as nothing. */
const UNSEEN = /[\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]+/gu
const BLANKS = /[\p{Cc}\p{Z}\s]+/gu

/** Without what is not seen, and with one blank for many, line breaks included; none at the ends. */
export function visible(text: string): string {
  return text.normalize('NFC').replace(UNSEEN, '').replace(BLANKS, ' ').trim()
}
