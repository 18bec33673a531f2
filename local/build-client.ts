/**
 * Writes the package that others install for `guildhall/client`, to dist or to the directory named: one
 * module with all it needs, and declarations that stand alone. The compiler infers what is sent and
 * answered from the declared routes; here it writes that out, so that it leads to nothing of the server.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { API, type Checker, NodeBuilderFlags, type Type } from 'typescript/unstable/sync'
import project from '../package.json' with { type: 'json' }
import { routes } from '../src/api/index.ts'
import { called } from './called.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const CONFIG = join(ROOT, 'tsconfig.json')
const SOURCE = join(ROOT, 'src/client')
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')

const USAGE = `usage: npm run build:client -- [FOLDER]

  FOLDER  where it is written, in place of what is there; dist unless given`

const folder = called(USAGE, () => {
  const [to = join(ROOT, 'dist'), ...others] = parseArgs({ allowPositionals: true }).positionals
  return others.length > 0 ? undefined : resolve(to)
})
const target = join(folder, 'client')
rmSync(folder, { recursive: true, force: true })
await build({
  entryPoints: [join(SOURCE, 'index.ts')],
  outfile: join(target, 'index.js'),
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
})
declare()
writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest(), undefined, 2))
cpSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'))

/** A package of its own, for whoever installs a client needs nothing that the site is made of. */
function manifest(): object {
  const { name, version, license } = project
  const entry = { types: './client/index.d.ts', default: './client/index.js' }
  return {
    name,
    version,
    description: 'The client of a Guildhall site, typed by its routes',
    license,
    type: 'module',
    sideEffects: false,
    exports: { './client': entry, './package.json': './package.json' },
  }
}

/**
 * The package is built from a copy in which `contract.ts` is written out; the compiler checks that
 * the rest fits it.
 */
function declare(): void {
  const parent = join(ROOT, 'node_modules/.cache')
  mkdirSync(parent, { recursive: true })
  const copy = mkdtempSync(join(parent, 'client-'))
  try {
    cpSync(SOURCE, copy, { recursive: true })
    writeFileSync(join(copy, 'contract.ts'), contract())
    const compilerOptions = {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      outDir: target,
      lib: ['es2022', 'dom', 'dom.iterable'],
      types: [],
    }
    const config = { extends: CONFIG, compilerOptions, include: ['.'] }
    writeFileSync(join(copy, 'tsconfig.json'), JSON.stringify(config))
    execFileSync(process.execPath, [TSC, '-p', copy], { stdio: 'inherit' })
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** The exports of `contract.ts`, each as what it stands for. */
function contract(): string {
  const api = new API({ cwd: ROOT })
  try {
    const project = api.updateSnapshot({ openProject: CONFIG }).getProject(CONFIG)
    const file = project?.program.getSourceFile(join(SOURCE, 'contract.ts'))
    const module = file && project?.checker.getSymbolAtLocation(file)
    if (!project || !module) throw new Error('src/client/contract.ts is not part of the project')
    const { checker } = project
    return checker
      .getExportsOfModule(module)
      .map((exported) => {
        const type = checker.getDeclaredTypeOfSymbol(exported)
        const text = exported.name === 'Routes' ? summarized(checker, type) : written(checker, type)
        return `export type ${exported.name} = ${text}\n`
      })
      .join('\n')
  } finally {
    api.close()
  }
}

/** Every call with the summary of its route, for editors to show. */
function summarized(checker: Checker, paths: Type): string {
  const record = (type: Type, field: (name: string, type: Type) => string) => {
    const fields = checker
      .getPropertiesOfType(type)
      .map((symbol) => field(symbol.name, checker.getTypeOfSymbol(symbol) ?? type))
    return `{\n${fields.join('\n')}\n}`
  }
  return record(paths, (path, methods) => {
    const calls = record(methods, (method, call) => {
      const declared = routes.find(
        (each) => each.path === path && `$${each.method.toLowerCase()}` === method,
      )
      return `/** ${declared?.summary} */\n${method}: ${written(checker, call)}`
    })
    return `'${path}': ${calls}`
  })
}

function written(checker: Checker, type: Type): string {
  const { NoTruncation, InTypeAlias, MultilineObjectLiterals } = NodeBuilderFlags
  return checker.typeToString(type, undefined, NoTruncation | InTypeAlias | MultilineObjectLiterals)
}
