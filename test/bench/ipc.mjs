import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

/** Core of the servers under test, and core of everything else. */
export const SERVER_CORE = 0
export const LOAD_CORE = 1

/** Whether processes can be pinned to a core each. */
export const canPin =
  availableParallelism() > 1 && spawnSync('taskset', ['-c', String(SERVER_CORE), 'true']).status === 0

/** Both cores, for processes that may run on either. */
export const BOTH_CORES = `${SERVER_CORE},${LOAD_CORE}`

/** Moves this process to a core. The default is the core of the load, so that it takes no CPU time from the servers. */
export const pinSelf = (core = LOAD_CORE) => {
  if (canPin) spawnSync('taskset', ['-a', '-c', '-p', String(core), String(process.pid)])
}

/** A process whose functions can be called. */
export class Remote {
  #process
  #calls = 0
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  #waiting = new Map()
  /** Gets messages that the process sends without a call. @type {(value: any) => void} */
  onMessage = () => {}

  /** @param {import('node:child_process').ChildProcess} process @param {string} name */
  constructor(process, name) {
    this.#process = process
    process.on('message', (/** @type {any} */ { id, result, error, message }) => {
      if (id === undefined) {
        if (message !== undefined) this.onMessage(message)
        return
      }
      const call = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) call?.resolve(result)
      else call?.reject(new Error(`${name}: ${error}`))
    })
  }

  /** @param {string} name @param {unknown} [input] @returns {Promise<any>} */
  call(name, input) {
    const id = ++this.#calls
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#process.send({ id, name, input })
    })
  }

  /** Calls a function and does not wait for it. @param {string} name @param {unknown} input */
  tell(name, input) {
    if (this.#process.connected) this.#process.send({ name, input })
  }
}

/** A child process that runs a module of this folder. The benchmark fails if the process ends by itself. */
export class Worker extends Remote {
  #process
  #stopping = false

  /**
   * @param {string} module relative to this folder
   * @param {number | string} core
   * @param {number} [network] a process whose network namespace it shares
   */
  constructor(module, core, network) {
    const command = [
      ...(network === undefined ? [] : ['nsenter', '-t', String(network), '-n']),
      ...(canPin ? ['taskset', '-c', String(core)] : []),
      process.execPath,
      '--expose-gc',
    ]
    const child = fork(fileURLToPath(new URL(module, import.meta.url)), {
      execPath: command[0],
      execArgv: command.slice(1),
    })
    super(child, module)
    this.#process = child
    child.on('exit', (code, signal) => {
      if (!this.#stopping) throw new Error(`${module} ended by itself (${signal ?? code})`)
    })
  }

  /**
   * Gives the main thread of the process the core of servers for itself, and moves its other threads, such as those of
   * the garbage collector, to the core of the load. The kernel would run them in turn with the main thread.
   */
  separateThreads() {
    if (!canPin) return
    const { pid } = this.#process
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const core = thread === String(pid) ? SERVER_CORE : LOAD_CORE
      spawnSync('taskset', ['-c', '-p', String(core), thread])
    }
  }

  async stop() {
    this.#stopping = true
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exit = once(this.#process, 'exit')
    this.#process.kill()
    await exit
  }
}

/**
 * Lets the parent process call functions of this process. This process ends with its parent.
 *
 * @param {Readonly<Record<string, (input: any) => unknown>>} functions
 * @returns a function that sends the parent a message without a call
 */
export const answer = (functions) => {
  process.on('message', async (/** @type {any} */ { id, name, input }) => {
    if (name === undefined) return
    try {
      const result = await functions[name]?.(input)
      if (id !== undefined) process.send?.({ id, result })
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  })
  process.on('disconnect', () => process.exit())
  return tell
}

/** Sends the parent a message without a call. @param {unknown} message */
export const tell = (message) => process.send?.({ message })
