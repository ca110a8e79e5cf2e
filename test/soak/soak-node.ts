import { NodeProcess, type Program } from '../support/cluster-process.ts'
import type { HistoryAsk } from './history/messages.ts'
import { SECRET } from './logins.ts'
import type { Ask, NodeView, Numbered, Told } from './messages.ts'

/** Milliseconds until a node has to answer. */
const ANSWER_MS = 60_000

export type Stopping = Extract<Told, { tell: 'stopping' }>

export interface NodeEvents {
  /** A handler of the node has begun to handle a call. */
  readonly call: (number: number) => void
  /** A listener of the node has got an event of a group. */
  readonly job: (job: Numbered) => void
  /** The history has confirmed a message of a node of the history soak. */
  readonly stored?: (node: string, n: number) => void
}

interface Pending {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** One node of the soak, in a separate process. */
export class SoakNode {
  readonly process: NodeProcess
  /** What the node said when it began to stop. */
  stopping: Stopping | undefined
  readonly #pending = new Map<number, Pending>()
  #lastId = 0

  private constructor(process: NodeProcess, events: NodeEvents) {
    this.process = process
    process.onMessage((message) => {
      const told = message as Told
      if (told.tell === 'call') events.call(told.number)
      else if (told.tell === 'job') events.job(told.job)
      else if (told.tell === 'stored') events.stored?.(told.node, told.n)
      else if (told.tell === 'stopping') this.stopping = told
      else this.#answered(told)
    })
  }

  /** @param env more environment variables of the process */
  static async start(
    program: Program,
    servers: readonly string[],
    events: NodeEvents,
    env: NodeJS.ProcessEnv = {},
  ): Promise<SoakNode> {
    const process = await NodeProcess.start(program, { servers, env: { ...env, SOAK_SECRET: SECRET } })
    return new SoakNode(process, events)
  }

  get id(): string {
    return this.process.id
  }

  get url(): string {
    return this.process.url
  }

  async look(): Promise<NodeView> {
    return (await this.ask({ ask: 'look' })) as NodeView
  }

  /** Asks the node. Rejects if it ends meanwhile or does not answer. */
  async ask(question: Ask | HistoryAsk): Promise<unknown> {
    const id = ++this.#lastId
    let timer: ReturnType<typeof setTimeout> | undefined
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject })
        timer = setTimeout(() => reject(new Error(`${this.id} does not answer '${question.ask}'`)), ANSWER_MS)
        this.process.send({ id, question })
      })
    } finally {
      clearTimeout(timer)
      this.#pending.delete(id)
    }
  }

  /** Ends the node. Resolves with the exit code. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const code = await this.process.signal(signal)
    for (const { reject } of this.#pending.values()) reject(new Error(`${this.id} has ended`))
    return code
  }

  #answered({ id, value, error }: Extract<Told, { tell: 'answer' }>): void {
    if (error === undefined) this.#pending.get(id)?.resolve(value)
    else this.#pending.get(id)?.reject(new Error(error))
  }

  toString(): string {
    return this.id
  }
}
