import { RookeryError } from '../protocol/errors.ts'
import { createToken } from '../util/token.ts'
import type { Contract, ContractIndex } from './contract.ts'
import { type NamedPattern, parseNamedPattern, patternsMeet } from './pattern.ts'
import { validateNow } from './schema.ts'

/** The contract of an app, for plugins. */
export interface AppContract {
  /** Undefined for an app without a contract. */
  readonly contract: Contract | undefined
  /** Allows topics of a plugin in a `strict` app, such as `rooms/:room/joined`. @throws `invalid_pattern` */
  allowTopics(...patterns: readonly string[]): void
}

/** The contract of an app, for plugins. */
export const AppContract = createToken<AppContract>('AppContract')

interface EventShape {
  readonly topics: readonly string[]
  readonly payload: unknown
  readonly client?: { readonly topic?: string; readonly payload?: unknown } | undefined
}

export interface ContractSettings {
  /** Whether to refuse topics and calls outside the contract. */
  readonly strict: boolean
  /** Whether to validate what the server sends. */
  readonly validateOutput: boolean
}

/** Checks what an app publishes, and what its clients subscribe to, against the contract. */
export class ContractRules implements AppContract {
  /** Of an app without a contract. */
  static readonly none = new ContractRules(undefined, undefined, { strict: false, validateOutput: false })

  readonly contract: Contract | undefined
  readonly index: ContractIndex | undefined
  readonly #settings: ContractSettings
  readonly #allowed: NamedPattern[] = []

  constructor(contract: Contract | undefined, index: ContractIndex | undefined, settings: ContractSettings) {
    this.contract = contract
    this.index = index
    this.#settings = settings
  }

  /** Whether the server's own payloads are validated. */
  get validatesOutput(): boolean {
    return this.index !== undefined && this.#settings.validateOutput
  }

  allowTopics(...patterns: readonly string[]): void {
    this.#allowed.push(...patterns.map(parseNamedPattern))
  }

  /**
   * Checks the message for clients of an event. The bus checks the shape of the event.
   *
   * @throws `unknown_topic`, `invalid_payload`
   */
  checkEvent({ topics, payload, client }: EventShape): void {
    if (!this.index || !Array.isArray(topics)) return
    const sent = client && 'payload' in client ? client.payload : payload
    const all = client?.topic === undefined ? topics : [...topics, client.topic]
    for (const topic of new Set<string>(all)) this.checkMessage(topic, sent)
  }

  /** @throws `unknown_topic`, `invalid_payload` */
  checkMessage(topic: string, payload: unknown): void {
    const { index } = this
    if (!index || !(this.#settings.strict || this.#settings.validateOutput)) return
    const schemas = index.schemasOf(topic)
    if (schemas.length === 0) this.checkPattern(topic)
    if (!this.#settings.validateOutput) return
    for (const schema of schemas) validateNow(schema, payload, `The payload of '${topic}'`)
  }

  /** Checks a pattern that a client subscribes to. @throws `unknown_topic` */
  checkPattern(pattern: string): void {
    if (!this.index || !this.#settings.strict || this.index.covers(pattern)) return
    const wanted = parseNamedPattern(pattern)
    if (this.#allowed.some((allowed) => patternsMeet(allowed, wanted))) return
    throw new RookeryError('unknown_topic', `The contract has no topic for '${pattern}'`)
  }

  /** Checks the topic or pattern of a handler. @throws `invalid_option` */
  checkHandler(topic: string): void {
    if (!this.index || !this.#settings.strict || this.index.callNamed(topic)) return
    throw new RookeryError(
      'invalid_option',
      `handle('${topic}'): the contract has no such call; add it to the contract, or leave out 'strict'`,
    )
  }
}
