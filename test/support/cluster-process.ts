import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A log entry of a node. */
export interface LogLine {
  readonly level: string
  readonly msg?: string
  /** Milliseconds, as of `Date.now()`. */
  readonly at: number
  readonly [field: string]: unknown
}

export interface NodeOptions {
  readonly servers: readonly string[]
  /** Path of a Unix socket to listen on, instead of a port. It can be reached from every network namespace. */
  readonly socketPath?: string
  /** Runs in the network namespaces of this process. */
  readonly namespaceOf?: number
  /** More environment variables. */
  readonly env?: NodeJS.ProcessEnv
}

/** One node of a cluster, in a separate process. */
export class NodeProcess {
  readonly id: string
  /** `http://…`, or `unix:` and a path. */
  readonly url: string
  readonly log: readonly LogLine[]
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, log: readonly LogLine[], url: string, id: string) {
    this.#child = child
    this.log = log
    this.url = url
    this.id = id
  }

  /** Starts a node. Resolves when it accepts connections. The caller stops it. */
  static async start(program: Program, options: NodeOptions): Promise<NodeProcess> {
    const { servers, socketPath, namespaceOf, env } = options
    const command = [process.execPath, '--enable-source-maps', program.path]
    if (namespaceOf !== undefined) command.unshift('nsenter', '-t', String(namespaceOf), '-n')
    const child = spawn(command[0] as string, command.slice(1), {
      env: {
        ...process.env,
        ...env,
        NATS_SERVERS: servers.join(),
        ...(socketPath !== undefined && { SOCKET_PATH: socketPath }),
      },
      // The node ends when its standard input ends, so it ends with this process in any case.
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    })
    const log: LogLine[] = []
    const [, url = '', id = ''] = await untilListening(child, log)
    return new NodeProcess(child, log, url, id)
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Sends a message to the node over IPC. Does nothing after the node has ended. */
  send(message: object): void {
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  /** Calls the listener with each message that the node sends over IPC. */
  onMessage(listener: (message: unknown) => void): void {
    this.#child.on('message', listener)
  }

  /** Sends a signal. For a signal that ends the process, resolves with the exit code. */
  async signal(signal: NodeJS.Signals): Promise<number | null> {
    if (!this.running) return this.#child.exitCode
    const ended = once(this.#child, 'exit')
    this.#child.kill(signal)
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return null
    await ended
    return this.#child.exitCode
  }

  /** Time at which this node noticed a change of another node, as of `Date.now()`, or undefined. */
  noticed(node: string, change: 'joined' | 'left' | 'restored', since = 0): number | undefined {
    const found = this.log.find(
      (line) =>
        line.msg === 'the cluster has changed' &&
        line.node === node &&
        line.change === change &&
        line.at >= since,
    )
    return found?.at
  }

  /** Log entries of one level. */
  entries(level = 'error'): readonly LogLine[] {
    return this.log.filter((line) => line.level === level)
  }
}

/** The program of a node, compiled to one file. */
export interface Program {
  readonly path: string
  remove(): void
}

const compiled = new Map<string, Promise<string>>()

/**
 * Compiles the program of the nodes once, so that all nodes start fast and with the same code.
 *
 * @param source path of the program from the root
 */
export const writeProgram = async (source = 'test/support/cluster-node.ts'): Promise<Program> => {
  if (!compiled.has(source)) compiled.set(source, compile(source))
  const code = (await compiled.get(source)) as string
  const directory = mkdtempSync(join(tmpdir(), 'rookery-cluster-'))
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'), 'junction')
  const path = join(directory, 'node.mjs')
  writeFileSync(path, code)
  return { path, remove: () => rmSync(directory, { recursive: true, force: true }) }
}

const compile = async (source: string): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, source)],
    tsconfig: join(ROOT, 'tsconfig.json'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    sourcemap: 'inline',
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}

const untilListening = (child: ChildProcess, log: LogLine[]): Promise<RegExpExecArray> =>
  new Promise((resolve, reject) => {
    const read = (line: string) => {
      const match = /^listening (\S+) node=(\w+)$/.exec(line)
      if (match) resolve(match)
      else log.push(parse(line))
    }
    for (const stream of [child.stdout!, child.stderr!]) createInterface(stream).on('line', read)
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      reject(
        new Error(`A node ended (${code ?? signal}) before it was ready:\n${JSON.stringify(log, null, 1)}`),
      )
    })
  })

const parse = (line: string): LogLine => {
  try {
    const fields = JSON.parse(line) as { level: string; time: string }
    return { ...fields, at: Date.parse(fields.time) }
  } catch {
    // Not JSON: a stack trace, or output of a library.
    return { level: 'error', msg: line, at: Date.now() }
  }
}
