import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createBalancer } from './balancer.ts'

const NODES = 3

const children = new Set<ChildProcess>()

/** Starts a program that ends with this one. Resolves when the program writes a matching line. */
const start = async (command: string, args: readonly string[], env: object, ready: RegExp) => {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  child.once('exit', () => children.delete(child))
  const written: string[] = []
  const match = await new Promise<RegExpExecArray>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`${command} did not start:\n${written.join('\n')}`)))
    for (const output of [child.stdout, child.stderr]) {
      createInterface(output).on('line', (line) => {
        const found = ready.exec(line)
        if (found) resolve(found)
        else if (line.startsWith('node ')) console.log(line)
        else written.push(line)
      })
    }
  })
  return { child, match }
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}

const startNats = async (): Promise<string> => {
  const port = String(await freePort())
  // JetStream keeps the messages in this folder: they survive the nodes. In production, it is on a disk that stays.
  const folder = mkdtempSync(join(tmpdir(), 'rookery-nats-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const args = ['-a', '127.0.0.1', '-p', port, '-js', '-sd', folder]
  try {
    await start('nats-server', args, {}, /Server is ready/)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error
    throw new Error('This example needs nats-server. On Debian and Ubuntu: sudo apt-get install nats-server')
  }
  return `nats://127.0.0.1:${port}`
}

/** The running nodes, by their ids. */
const running = new Map<string, { readonly address: string; readonly child: ChildProcess }>()

/** The panel of the page lists the nodes and kills one. Only for a demonstration: everybody may do so. */
const answerTour = ({ method, url = '/', headers }: IncomingMessage, response: ServerResponse): boolean => {
  const { pathname, searchParams } = new URL(url, 'http://balancer')
  if (pathname !== '/tour/nodes' && pathname !== '/tour/kill') return false
  const isKill = pathname === '/tour/kill'
  const node = running.get(searchParams.get('node') ?? '')
  // Pages of other sites must not kill nodes.
  const isAllowed = method === 'POST' && (headers['sec-fetch-site'] ?? 'same-origin') === 'same-origin'
  const status = !isKill ? 200 : !isAllowed ? 403 : node ? 202 : 404
  if (status === 202) node?.child.kill('SIGKILL')
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify([...running.keys()]))
  return true
}

const balancer = createBalancer(() => [...running.values()].map(({ address }) => address), answerTour)
let stopping = false

const stop = () => {
  stopping = true
  balancer.close()
  for (const child of children) child.kill('SIGTERM')
}

const fail = (error: unknown) => {
  if (stopping) return
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
  stop()
}

const startNode = async (url: string): Promise<void> => {
  const program = fileURLToPath(new URL('node.ts', import.meta.url))
  const tsconfig = fileURLToPath(new URL('tsconfig.json', import.meta.url))
  // The balancer listens on the requested port, the node on a free one.
  const env = { NATS_URL: url, TSX_TSCONFIG_PATH: tsconfig, PORT: '0' }
  const { child, match } = await start(
    process.execPath,
    ['--import', 'tsx', program],
    env,
    /listening: (\S+) (\w+)/,
  )
  const [, address = '', id = ''] = match
  running.set(id, { address, child })
  console.log(`kill -9 ${child.pid}    # ends the node at ${address}`)
  // In production, a supervisor starts it again.
  child.once('exit', () => {
    running.delete(id)
    if (!stopping) startNode(url).catch(fail)
  })
}

const main = async (): Promise<void> => {
  const url = await startNats()
  await Promise.all(Array.from({ length: NODES }, () => startNode(url)))
  balancer.listen(Number(process.env.PORT ?? 3000))
  await once(balancer, 'listening')
  const { port } = balancer.address() as { port: number }
  console.log(`One chat on ${NODES} nodes. Open it in several tabs: http://localhost:${port}`)
  console.log(
    'Every request goes to a random node. Kill one, or all of them: they start again, and no message is lost.',
  )
  console.log(
    `To publish from outside: nats --server ${url} pub rookery.topic.rooms.lobby.typing '{"from":"NATS"}'`,
  )
}

process.once('SIGINT', stop).once('SIGTERM', stop)
await main().catch(fail)
