import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { vi } from 'vitest'

/** A program that runs until it is stopped. */
export interface Program {
  readonly port: number
  readonly running: boolean
  /** Everything that it has written to stdout and stderr. */
  readonly output: () => string
  /** Sends SIGTERM to the process, and SIGKILL after `limit` milliseconds. Resolves when it has ended. */
  stop(limit?: number): Promise<void>
}

/** Starts a program in the foreground. Resolves when it listens at a port of 127.0.0.1. The caller stops it. */
export const startProgram = async (
  command: string,
  args: readonly string[],
  port: number,
  env: NodeJS.ProcessEnv = {},
): Promise<Program> => {
  const child = spawn(command, args, {
    // Debian installs servers in /usr/sbin, which is not on the PATH of every user.
    env: { ...process.env, ...env, PATH: `${process.env.PATH}:/usr/sbin` },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += String(data)
    })
  }
  let failure: unknown
  const over = once(child, 'exit').catch((error) => {
    failure = error
  })
  const isRunning = () => failure === undefined && child.exitCode === null && child.signalCode === null
  await vi.waitFor(
    async () => {
      if (isRunning()) await connects(port)
    },
    { timeout: 30_000, interval: 20 },
  )
  if (!isRunning()) throw new Error(`${command} did not start:\n${failure ?? output}`)
  return {
    port,
    get running() {
      return isRunning()
    },
    output: () => output,
    async stop(limit = 2000) {
      if (!isRunning()) return
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), limit)
      await over
      clearTimeout(timer)
    },
  }
}

const connects = async (port: number): Promise<void> => {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect').finally(() => socket.destroy())
}
