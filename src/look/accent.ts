/** The one colour of a site, in the shades that can be read on light and on dark ground. */

type Rgb = readonly [number, number, number]

/** Text on its ground has at least this contrast (WCAG 2.2, 1.4.3). */
const READABLE = 4.5

const WHITE: Rgb = [255, 255, 255]
const BLACK: Rgb = [0, 0, 0]
/** The grounds of style.ts that links stand on, the less favourable ones of each scheme. */
const LIGHT_GROUND: Rgb = [244, 244, 246]
const DARK_GROUND: Rgb = [35, 38, 43]

function rgbOf(hex: string): Rgb {
  const at = (start: number) => Number.parseInt(hex.slice(start, start + 2), 16)
  return [at(1), at(3), at(5)]
}

function hexOf(rgb: Rgb): string {
  return `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`
}

/** Relative luminance (WCAG 2.2). */
function luminance(rgb: Rgb): number {
  const [red = 0, green = 0, blue = 0] = rgb.map((part) => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrastOf(one: Rgb, other: Rgb): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

/** The colour itself, or mixed with as little of `towards` as makes it readable. */
function readableOn(ground: Rgb, colour: Rgb, towards: Rgb): string {
  for (let share = 0; share <= 1; share += 0.05) {
    const mixed: Rgb = [
      colour[0] + (towards[0] - colour[0]) * share,
      colour[1] + (towards[1] - colour[1]) * share,
      colour[2] + (towards[2] - colour[2]) * share,
    ]
    // What is rounded to whole parts is what browsers show.
    if (contrastOf(rgbOf(hexOf(mixed)), ground) >= READABLE) return hexOf(mixed)
  }
  return hexOf(towards)
}

/** White or black, whichever is read better on the colour. */
export function textOn(colour: string): '#ffffff' | '#000000' {
  const rgb = rgbOf(colour)
  return contrastOf(rgb, WHITE) >= contrastOf(rgb, BLACK) ? '#ffffff' : '#000000'
}

/** Custom properties for the style sheet. @param accent `#rrggbb` */
export function accentTokens(accent: string): string {
  const rgb = rgbOf(accent)
  const [light, dark] = [readableOn(LIGHT_GROUND, rgb, BLACK), readableOn(DARK_GROUND, rgb, WHITE)]
  return `:root{--accent:${accent};--on-accent:${textOn(accent)};--link:light-dark(${light},${dark})}`
}
