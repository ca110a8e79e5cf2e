import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Runs a module in a separate process and calls its functions. Ends the process at the end of the test. */
export class FuzzChild {
  readonly #child: ChildProcess
  readonly #name: string
  readonly #waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>()
  #calls = 0
  #ending = false
  /** Exit code or signal if the process has ended by itself, which is a failure. */
  ended: string | undefined

  /** @param module path of the module, relative to this folder */
  constructor(module: string) {
    this.#name = module
    this.#child = fork(fileURLToPath(new URL(module, import.meta.url)), {
      cwd: ROOT,
      execArgv: ['--expose-gc', '--import', 'tsx'],
    })
    this.#child.on('message', ({ id, result, error }: { id: number; result: never; error?: string }) => {
      const call = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) call?.resolve(result)
      else call?.reject(new Error(`${module}: ${error}`))
    })
    this.#child.on('exit', (code, signal) => {
      if (!this.#ending) this.ended = String(signal ?? code)
      for (const call of this.#waiting.values()) call.reject(this.#gone())
    })
    onTestFinished(() => {
      this.#ending = true
      this.#child.kill('SIGKILL')
    })
  }

  call<T>(name: string, input?: unknown): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!this.#child.connected) return reject(this.#gone())
      const id = ++this.#calls
      this.#waiting.set(id, { resolve, reject })
      this.#child.send({ id, name, input })
    })
  }

  #gone(): Error {
    return new Error(`${this.#name} has ended (${this.ended})`)
  }
}
