import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'

export interface ProcessOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** The process is up when it writes a line that fits. */
  readonly ready: RegExp
}

interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Milliseconds since the signal was sent. */
  readonly took: number
}

export interface RunningProcess {
  /** What the groups of `ready` matched. */
  readonly match: RegExpMatchArray
  /** All it has written, errors too. */
  readonly output: () => string
  /** Sends a signal and resolves when the process has ended. */
  kill(signal: NodeJS.Signals): Promise<Exit>
}

/** Starts a process and waits until it is up; what is left of it is killed with the test. */
export const startProcess = async (
  command: string,
  args: readonly string[],
  { env, cwd, ready }: ProcessOptions,
): Promise<RunningProcess> => {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<Omit<Exit, 'took'>>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  const kill = async (signal: NodeJS.Signals): Promise<Exit> => {
    const start = performance.now()
    child.kill(signal)
    return { ...(await ended), took: performance.now() - start }
  }
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) await kill('SIGKILL')
  })
  const lines: string[] = []
  const output = () => lines.join('\n')
  const match = await untilReady(child, ready, lines)
  return { match, output, kill }
}

const untilReady = (child: ChildProcess, ready: RegExp, lines: string[]): Promise<RegExpMatchArray> =>
  new Promise((resolve, reject) => {
    const read = (line: string) => {
      lines.push(line)
      const match = ready.exec(line)
      if (match) resolve(match)
    }
    for (const stream of [child.stdout!, child.stderr!]) createInterface(stream).on('line', read)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      reject(new Error(`The process ended (${code ?? signal}) before it was up:\n${lines.join('\n')}`))
    })
  })

/** A port that was free a moment ago. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
