import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'

export interface ProcessOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** The process is ready when it writes a line that matches. */
  readonly ready: RegExp
}

interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Milliseconds since the signal was sent. */
  readonly took: number
}

export interface RunningProcess {
  /** The groups of the match of `ready`. */
  readonly match: RegExpMatchArray
  /** All output, stderr included. */
  readonly output: () => string
  /** Resolves when the process has ended. */
  readonly ended: Promise<Omit<Exit, 'took'>>
  /** Sends a signal. Resolves when the process has ended. */
  kill(signal: NodeJS.Signals): Promise<Exit>
}

/** Starts a process and waits until it is ready. Kills it at the end of the test if it still runs. */
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
  return { match, output, ended, kill }
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
      reject(new Error(`The process ended (${code ?? signal}) before it was ready:\n${lines.join('\n')}`))
    })
  })

/** Finds a port that is free at the time of the call. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
