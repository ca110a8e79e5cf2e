import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { onTestFinished } from 'vitest'

export interface NatsServer {
  readonly url: string
  readonly port: number
  /** What it has written, for tests that failed. */
  readonly log: () => string
  /** Kills it as a crash would. */
  kill(): Promise<void>
  /** Starts it again on the same port. */
  restart(): Promise<void>
  /** Stops its process without ending it, and lets it go on. */
  pause(): void
  resume(): void
  stop(): Promise<void>
}

/** A port that was free a moment ago. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** Starts a real nats-server on 127.0.0.1. It is the caller's to stop. */
export const startNats = async (...args: readonly string[]): Promise<NatsServer> => {
  const port = await freePort()
  let child: ChildProcess | undefined
  let written = ''
  const start = async () => {
    const own = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port), ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child = own
    await new Promise<void>((resolve, reject) => {
      own.once('error', reject)
      own.once('exit', (code) => reject(new Error(`nats-server ended with ${code}:\n${written}`)))
      own.stderr?.on('data', (chunk) => {
        written += chunk
        if (written.endsWith('Server is ready\n')) resolve()
      })
    })
  }
  const end = async (signal: NodeJS.Signals) => {
    const own = child
    child = undefined
    if (!own || own.exitCode !== null || own.signalCode !== null) return
    own.kill(signal)
    if (signal === 'SIGTERM') own.kill('SIGCONT')
    await once(own, 'exit')
  }
  await start()
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    log: () => written,
    kill: () => end('SIGKILL'),
    restart: start,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    stop: () => end('SIGTERM'),
  }
}

/** A nats-server that is stopped with the test. */
export const useNats = async (...args: readonly string[]): Promise<NatsServer> => {
  const server = await startNats(...args)
  onTestFinished(() => server.stop())
  return server
}
