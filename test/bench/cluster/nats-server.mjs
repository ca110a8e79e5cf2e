import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { canPin } from '../ipc.mjs'

/** Whether nats-server is on the PATH. */
export const hasNats = () => spawnSync('nats-server', ['--version']).status === 0

const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  server.close()
  await once(server, 'close')
  return port
}

/** A nats-server that the benchmark starts. */
export class NatsServer {
  #port = 0
  #core
  /** Where JetStream stores its streams. @type {string | undefined} */
  #folder
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child
  #killOnExit = () => void this.#child?.kill('SIGKILL')

  /** @param {number | string} core of the server @param {{ jetstream?: boolean }} [options] */
  constructor(core, { jetstream = false } = {}) {
    this.#core = core
    if (jetstream) this.#folder = mkdtempSync(join(tmpdir(), 'rookery-bench-'))
    process.on('exit', this.#killOnExit)
  }

  get url() {
    return `nats://127.0.0.1:${this.#port}`
  }

  /** Starts the server, on the same port each time. */
  async start() {
    this.#port ||= await freePort()
    const server = ['nats-server', '-a', '127.0.0.1', '-p', String(this.#port)]
    if (this.#folder) server.push('-js', '-sd', this.#folder)
    const [command = '', ...args] = canPin ? ['taskset', '-c', String(this.#core), ...server] : server
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child = child
    let written = ''
    await new Promise((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`nats-server ended with ${code}:\n${written}`)))
      child.stderr.on('data', (chunk) => {
        written += chunk
        if (written.includes('Server is ready')) resolve(undefined)
      })
    })
    return this
  }

  /** Resident memory in bytes. */
  get rss() {
    const status = readFileSync(`/proc/${this.#child?.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024
  }

  /** Kills the server like a crash. */
  async kill() {
    const child = this.#child
    this.#child = undefined
    if (!child) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }

  async stop() {
    process.off('exit', this.#killOnExit)
    await this.kill()
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true })
  }
}
