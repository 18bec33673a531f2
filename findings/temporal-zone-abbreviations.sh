#!/bin/sh
# Versions: temporal-polyfill 1.0.8, Node 24.21.0 (ICU 78.3).
# Guess: a time zone that Intl.DateTimeFormat takes, Temporal takes as well, for both read the same data.
# Seen: of the old three-letter names, Intl takes 25 that Temporal refuses, and reads some of them as nobody
#   means them: BST is Bangladesh, IST is India, AST is Alaska. EST, MST and HST both take.
# Cost: a form checks a zone with Intl and stores it; the code that computes with Temporal throws for it later.
# So: check a zone by what computes with it.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --prefix "$dir" --silent --ignore-scripts temporal-polyfill@1.0.8
cat > "$dir/finding.mjs" <<'JS'
import { Temporal } from 'temporal-polyfill'

const NAMES = `ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT PRT PST SST VST
  EST MST HST CET`

const byIntl = (timeZone) => new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone
const byTemporal = (name) => Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name).timeZoneId

function of(read, name) {
  try {
    return read(name)
  } catch (error) {
    return error.name
  }
}

const names = NAMES.split(/\s+/)
const refused = names.filter((name) => of(byTemporal, name) === 'RangeError')
console.log(`Intl takes ${names.filter((name) => of(byIntl, name) !== 'RangeError').length} of ${names.length}`)
console.log(`Temporal refuses ${refused.length}: ${refused.join(' ')}`)
for (const name of ['BST', 'IST', 'AST']) console.log(`${name}: ${of(byIntl, name)}, ${of(byTemporal, name)}`)
JS
node "$dir/finding.mjs" > "$dir/seen"
diff - "$dir/seen" <<'SEEN'
Intl takes 29 of 29
Temporal refuses 25: ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT PRT PST SST VST
BST: Asia/Dhaka, RangeError
IST: Asia/Calcutta, RangeError
AST: America/Anchorage, RangeError
SEEN
echo 'temporal-zone-abbreviations: as it was seen'
