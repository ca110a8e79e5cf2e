import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
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
  try {
    await start('nats-server', ['-a', '127.0.0.1', '-p', port], {}, /Server is ready/)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error
    throw new Error('This example needs nats-server. On Debian and Ubuntu: sudo apt-get install nats-server')
  }
  return `nats://127.0.0.1:${port}`
}

const stop = () => {
  for (const child of children) child.kill('SIGTERM')
}

/** The running nodes, by address. */
const running = new Map<string, ChildProcess>()

const startNode = async (url: string): Promise<void> => {
  const program = fileURLToPath(new URL('node.ts', import.meta.url))
  const tsconfig = fileURLToPath(new URL('tsconfig.json', import.meta.url))
  // The balancer listens on the requested port, the node on a free one.
  const env = { NATS_URL: url, TSX_TSCONFIG_PATH: tsconfig, PORT: '0' }
  const { child, match } = await start(
    process.execPath,
    ['--import', 'tsx', program],
    env,
    /listening: (\S+)/,
  )
  const address = match[1] as string
  running.set(address, child)
  child.once('exit', () => running.delete(address))
}

const main = async (): Promise<void> => {
  const url = await startNats()
  await Promise.all(Array.from({ length: NODES }, () => startNode(url)))
  const balancer = createBalancer(() => [...running.keys()])
  balancer.listen(Number(process.env.PORT ?? 3000))
  await once(balancer, 'listening')
  const { port } = balancer.address() as { port: number }
  process.once('SIGINT', () => balancer.close()).once('SIGTERM', () => balancer.close())
  console.log(`One chat on ${NODES} nodes. Open it in several tabs: http://localhost:${port}`)
  console.log('Every request goes to a random node. Try:')
  for (const [address, { pid }] of running) console.log(`  kill -9 ${pid}    # the node at ${address}`)
  console.log(`  nats --server ${url} pub rookery.topic.rooms.lobby.typing '{"from":"NATS"}'`)
}

process.once('SIGINT', stop).once('SIGTERM', stop)
await main().catch((error) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
  stop()
})
