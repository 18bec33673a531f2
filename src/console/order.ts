/** Lists that are in the order of a position, and of the id where that is equal. */

interface Placed {
  readonly id: string
  readonly position: number
}

/**
 * The writes by which two neighbours change places and nothing else moves, whichever of them is seen
 * first: between two of them the list is as it was. Empty if there is no room for it.
 * @param upper which of the two is the first, from 0
 */
export function swapping<Row extends Placed>(rows: readonly Row[], upper: number): readonly Row[] {
  const [above, below] = [rows[upper], rows[upper + 1]]
  if (!above || !below) return []
  const wanted = rows.with(upper, below).with(upper + 1, above)
  const at = (row: Row, position: number): Row => ({ ...row, position })
  const ways: readonly (readonly Row[])[] = [
    [at(below, above.position - 1)],
    [at(above, below.position + 1)],
    [at(below, above.position), at(above, below.position)],
    [at(above, below.position), at(below, above.position)],
    [at(below, above.position)],
    [at(above, below.position)],
  ]
  const isGood = (way: readonly Row[]) => {
    const orders = way.map((_, count) => idsOf(sorted(rows, way.slice(0, count + 1))))
    const [before, after] = [idsOf(rows), idsOf(wanted)]
    return (
      way.every(({ position }) => position >= 0) &&
      orders.at(-1) === after &&
      orders.every((order) => order === before || order === after)
    )
  }
  return ways.find(isGood) ?? []
}

function sorted<Row extends Placed>(rows: readonly Row[], written: readonly Row[]): Row[] {
  return rows
    .map((row) => written.findLast(({ id }) => id === row.id) ?? row)
    .toSorted((a, b) => a.position - b.position || (a.id < b.id ? -1 : 1))
}

function idsOf(rows: readonly Placed[]): string {
  return rows.map(({ id }) => id).join()
}
