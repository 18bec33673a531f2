/** The real nginx and the real Caddy, set up as docs/pages.md says. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { accepts } from '../../../local/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { blocksOf } from './origin.ts'

export type ProxyName = 'nginx' | 'caddy'

/** Those of Debian; `nginx-light` has what is asked here. */
const PACKAGES = { nginx: 'nginx-light', caddy: 'caddy' } as const

/** Whether the server is here, or could be installed: as root, where there is apt-get. */
export function hasProxy(name: ProxyName): boolean {
  const isHere = () => spawnSync(name, [name === 'nginx' ? '-v' : 'version']).status === 0
  if (isHere()) return true
  if (process.getuid?.() !== 0) return false
  process.stderr.write(`No ${name} found: installing Debian's with apt-get.\n`)
  for (const command of [
    ['update'],
    ['install', '-y', '--no-install-recommends', PACKAGES[name]],
  ]) {
    spawnSync('apt-get', ['-qq', ...command], {
      stdio: 'ignore',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    })
  }
  return isHere()
}

interface Placed {
  /** Where the files and the application are served, each before the same pages. */
  readonly ports: { readonly files: number; readonly application: number }
  readonly guildhall: string
  /** The origin of PUBLIC_URL. */
  readonly site: string
  /** The application that is asked for pages. */
  readonly origin: string
  readonly secret: string
  /** The folder of the files. */
  readonly root: string
  /** Where it may write. */
  readonly dir: string
}

/** Serves until the test ends. */
export async function startProxy(name: ProxyName, placed: Placed): Promise<void> {
  const config = name === 'nginx' ? nginxConfig(placed) : caddyConfig(placed)
  const file = join(placed.dir, name === 'nginx' ? 'nginx.conf' : 'Caddyfile')
  writeFileSync(file, config)
  const args =
    name === 'nginx'
      ? ['-p', placed.dir, '-e', 'stderr', '-c', file]
      : ['run', '--config', file, '--adapter', 'caddyfile']
  const server = spawn(name, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: placed.dir, XDG_DATA_HOME: placed.dir },
  })
  let log = ''
  server.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  const ended = new Promise((resolve) => server.once('close', resolve))
  onTestFinished(async () => {
    server.kill('SIGTERM')
    await ended
  })
  await eventually(async () => {
    for (const port of Object.values(placed.ports)) {
      if (!(await accepts(port))) throw new Error(`${name} is not up at ${port}: ${log}`)
    }
  })
}

/** The block of docs/pages.md, with the names of this machine. */
function block(
  language: string,
  { guildhall, site, origin, secret, root }: Placed,
  index = 0,
): string {
  return (blocksOf(language)[index] ?? '')
    .replaceAll('guildhall.internal', new URL(guildhall).host)
    .replaceAll('site.internal', new URL(origin).host)
    .replaceAll('YOUR-PAGES-PROXY-SECRET', secret)
    .replaceAll('/var/www/members', root)
    .replaceAll('Host members.example', `Host ${new URL(site).host}`)
}

function nginxConfig(placed: Placed): string {
  const { ports, dir } = placed
  const files = block('nginx', placed).replace('listen 80', `listen 127.0.0.1:${ports.files}`)
  const application = files
    .replace(/listen [\d.:]+/, `listen 127.0.0.1:${ports.application}`)
    .replace(/^ *root .*$/m, '')
    .replaceAll(/^( *)# (proxy_\w+ .*;)$/gm, '$1$2')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((each) => `${each}_temp_path ${dir}/${each};`)
    .join('\n')
  const user = execFileSync('id', ['-u'], { encoding: 'utf8' }).trim() === '0' ? 'user root;' : ''
  return `${user}
    daemon off; master_process off; pid ${dir}/nginx.pid; error_log stderr;
    events {}
    http { access_log off; ${temporary} types { text/html html; }
      ${files.replaceAll('server_name members.example', 'server_name _')}
      ${application.replaceAll('server_name members.example', 'server_name _')} }`
}

function caddyConfig(placed: Placed): string {
  const { ports } = placed
  const files = block('caddyfile', placed)
  const application = files.replace(/^ *root .*\n *file_server$/m, block('caddyfile', placed, 1))
  const at = (config: string, port: number) =>
    config.replace('http://members.example {', `http://:${port} {\n  bind 127.0.0.1`)
  return `{
    admin off
    auto_https off
  }
  ${at(files, ports.files)}
  ${at(application, ports.application)}`
}
