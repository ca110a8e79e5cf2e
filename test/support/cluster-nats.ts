import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { freePort } from './nats.ts'

export interface ServerOptions {
  readonly host?: string
  readonly port: number
  readonly args?: readonly string[]
  /** Runs in the network namespace of this process. */
  readonly namespaceOf?: number
}

export interface Server {
  readonly url: string
  /** Kills the server like a crash. Idempotent. */
  kill(): Promise<void>
}

/** Starts one nats-server of a larger setup. Kills it at the end of the test. */
export const useServer = async ({
  host = '127.0.0.1',
  port,
  args = [],
  namespaceOf,
}: ServerOptions): Promise<Server> => {
  const command = ['nats-server', '-a', host, '-p', String(port), ...args]
  if (namespaceOf !== undefined) command.unshift('nsenter', '-t', String(namespaceOf), '-n')
  const child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] })
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  onTestFinished(kill)
  await new Promise<void>((resolve, reject) => {
    let written = ''
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`nats-server ended with ${code}:\n${written}`)))
    child.stderr.on('data', (chunk) => {
      written += chunk
      if (written.includes('Server is ready')) resolve()
    })
  })
  return { url: `nats://${host}:${port}`, kill }
}

/** Starts servers that form one NATS cluster. Kills them at the end of the test. */
export const useServers = async (count: number): Promise<readonly Server[]> => {
  const ports = await Promise.all(Array.from({ length: 2 * count }, freePort))
  const routes = ports.slice(count).map((port) => `nats://127.0.0.1:${port}`)
  return await Promise.all(
    routes.map((own, index) =>
      useServer({
        port: ports[index] as number,
        args: ['--cluster_name', 'e2e', '-cluster', own, '-routes', routes.join()],
      }),
    ),
  )
}
