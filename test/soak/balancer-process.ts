import type { Target } from '../support/cluster-balancer.ts'
import { NodeProcess, type Program, writeProgram } from '../support/cluster-process.ts'

/** What the soak tells the process of the balancer. */
export type BalancerOrder =
  | { readonly order: 'add' | 'remove'; readonly target: Target }
  | { readonly order: 'cut'; readonly of: number }
  | { readonly order: 'cutOff' | 'heal'; readonly client: string }

/**
 * A `Balancer` in a process of its own: it has a socket to a client and one to a node for each connection, and the clients of
 * the soak need the time and the file descriptors of their process for themselves. Orders take effect a moment later.
 */
export class BalancerProcess {
  readonly #process: NodeProcess
  readonly #program: Program

  private constructor(process: NodeProcess, program: Program) {
    this.#process = process
    this.#program = program
  }

  /** @param seed of its choices of nodes */
  static async start(seed: number): Promise<BalancerProcess> {
    const program = await writeProgram('test/soak/balancer.ts')
    const env = { SOAK_SEED: String(seed) }
    return new BalancerProcess(await NodeProcess.start(program, { servers: [], env }), program)
  }

  get url(): string {
    return this.#process.url
  }

  add({ id, url }: Target): void {
    this.#tell({ order: 'add', target: { id, url } })
  }

  remove({ id, url }: Target): void {
    this.#tell({ order: 'remove', target: { id, url } })
  }

  /** See `Balancer.cut`. */
  cut(of: number): void {
    this.#tell({ order: 'cut', of })
  }

  /** See `Balancer.cutOff`. */
  cutOff(client: string): void {
    this.#tell({ order: 'cutOff', client })
  }

  heal(client: string): void {
    this.#tell({ order: 'heal', client })
  }

  async close(): Promise<void> {
    await this.#process.signal('SIGTERM')
    this.#program.remove()
  }

  #tell(order: BalancerOrder): void {
    this.#process.send(order)
  }
}
