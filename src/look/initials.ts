/** The first letters of names, as readers count letters. */

export function initialOf(word: string): string {
  return new Intl.Segmenter().segment(word)[Symbol.iterator]().next().value?.segment ?? ''
}

/** Of the first and the last word. */
export function initialsOf(name: string): string {
  const words = name.split(/\s+/u).filter((word) => word !== '')
  const [first = '', last = ''] = [words[0], words.length > 1 ? words.at(-1) : '']
  return (initialOf(first) + initialOf(last)).toLocaleUpperCase('en')
}
