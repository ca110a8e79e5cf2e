import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const PROGRAMS = { chat: 'examples/chat/server.ts', cluster: 'examples/cluster/start.ts' }

export interface Example {
  readonly url: string
  stop(): Promise<void>
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}

/** Starts an example on a free port. Resolves when it says that it is open. */
export const startExample = async (name: keyof typeof PROGRAMS): Promise<Example> => {
  const port = await freePort()
  const child = spawn(process.execPath, ['--import', 'tsx', PROGRAMS[name]], {
    cwd: ROOT,
    env: {
      ...process.env,
      PORT: String(port),
      NODE_ENV: 'production',
      TSX_TSCONFIG_PATH: `examples/${name}/tsconfig.json`,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  const opened = (async () => {
    for await (const line of createInterface(child.stdout)) if (/\bopen\b/i.test(line)) return
    throw new Error(`The example ${name} has ended`)
  })()
  await opened
  // The output after this has no reader.
  child.stdout.resume()
  return { url: `http://localhost:${port}`, stop }
}
