import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

/** Core of the servers under test, and core of everything else. */
export const SERVER_CORE = 0
export const LOAD_CORE = 1

/** Whether processes can be pinned to a core each. */
export const canPin =
  availableParallelism() > 1 && spawnSync('taskset', ['-c', String(SERVER_CORE), 'true']).status === 0

/** Moves this process to the load's core, so that it takes no time from the servers. */
export const pinSelf = () => {
  if (canPin) spawnSync('taskset', ['-a', '-c', '-p', String(LOAD_CORE), String(process.pid)])
}

/** A child process whose functions can be called. The benchmark is broken when it ends by itself. */
export class Worker {
  #process
  #calls = 0
  #stopping = false
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  #waiting = new Map()
  /** Gets what the child tells unasked. @type {(value: any) => void} */
  onTell = () => {}

  /** @param {string} module relative to this folder @param {number} core */
  constructor(module, core) {
    const pin = canPin && {
      execPath: 'taskset',
      execArgv: ['-c', String(core), process.execPath, '--expose-gc'],
    }
    this.#process = fork(fileURLToPath(new URL(module, import.meta.url)), {
      execArgv: ['--expose-gc'],
      ...pin,
    })
    this.#process.on('message', (/** @type {any} */ { id, result, error, told }) => {
      if (id === undefined) return this.onTell(told)
      const call = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) call?.resolve(result)
      else call?.reject(new Error(`${module}: ${error}`))
    })
    this.#process.on('exit', (code, signal) => {
      if (!this.#stopping) throw new Error(`${module} ended by itself (${signal ?? code})`)
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

  async stop() {
    this.#stopping = true
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exit = once(this.#process, 'exit')
    this.#process.kill()
    await exit
  }
}

/**
 * The other side: lets the parent call functions of this process, which ends with its parent.
 *
 * @param {Readonly<Record<string, (input: any) => unknown>>} functions
 * @returns how to tell the parent something unasked
 */
export const answer = (functions) => {
  process.on('message', async (/** @type {any} */ { id, name, input }) => {
    try {
      const result = await functions[name]?.(input)
      if (id !== undefined) process.send?.({ id, result })
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  })
  process.on('disconnect', () => process.exit())
  return (/** @type {unknown} */ told) => process.send?.({ told })
}
