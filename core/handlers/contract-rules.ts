import type { Contract, ContractIndex } from '../contract/contract.ts'
import {
  compileNamed,
  type NamedPattern,
  parseNamedPattern,
  patternsMeet,
  plainPattern,
} from '../contract/pattern.ts'
import { validateNow } from '../contract/schema.ts'
import { RookeryError } from '../protocol/errors.ts'
import { assertTopic } from '../topics/topic.ts'
import { createToken } from '../util/token.ts'

/** The contract of an app, for plugins. */
export interface AppContract {
  /** Undefined for an app without a contract. */
  readonly contract: Contract | undefined
  /** Allows topics of a plugin in a `strict` app, such as `rooms/:room/joined`. @throws `invalid_pattern` */
  allowTopics(...patterns: readonly string[]): void
}

/** The contract of an app, for plugins. */
export const AppContract = createToken<AppContract>('AppContract')

/** A message for clients, with all topics of its event. */
interface SentMessage {
  readonly topics: readonly string[]
  readonly topic: string
  readonly payload: unknown
}

export interface ContractSettings {
  /** Whether to refuse topics and calls outside the contract. */
  readonly strict: boolean
  /** Whether to validate what the server sends. */
  readonly validateOutput: boolean
}

interface AllowedPattern {
  readonly named: NamedPattern
  readonly matches: (topic: string) => unknown
}

/** Checks what an app sends to clients, and what they subscribe to, against the contract. */
export class ContractRules implements AppContract {
  /** Of an app without a contract. */
  static readonly none = new ContractRules(undefined, undefined, { strict: false, validateOutput: false })

  readonly contract: Contract | undefined
  readonly index: ContractIndex | undefined
  readonly #settings: ContractSettings
  readonly #allowed: AllowedPattern[] = []

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
    for (const named of patterns.map(parseNamedPattern)) {
      this.#allowed.push({ named, matches: compileNamed(named) })
    }
  }

  /** Checks a message to all topics of its event. @throws `invalid_output` */
  checkPublished({ topics, topic, payload }: SentMessage): void {
    if (!this.index) return
    for (const one of topics) this.checkMessage(one, payload)
    if (!topics.includes(topic)) this.checkMessage(topic, payload)
  }

  /** Checks a message for a target. @throws `invalid_topic`, `invalid_output` */
  checkSent(topic: string, payload: unknown): void {
    if (!this.index) return
    assertTopic(topic)
    this.checkMessage(topic, payload)
  }

  /** Checks a message that the server sends to a valid topic. Messages of plugins are theirs. @throws `invalid_output` */
  checkMessage(topic: string, payload: unknown): void {
    const { index } = this
    const { strict, validateOutput } = this.#settings
    if (!index || !(strict || validateOutput) || this.#allowed.some(({ matches }) => matches(topic))) return
    const schemas = index.schemasOf(topic)
    if (strict && schemas.length === 0) {
      throw new RookeryError('invalid_output', `The contract has no topic for '${topic}'`)
    }
    if (!validateOutput) return
    for (const schema of schemas) {
      validateNow(schema, payload, `The payload of '${topic}'`, 'invalid_output')
    }
  }

  /** Checks a pattern that a client subscribes to. @throws `unknown_topic` */
  checkPattern(pattern: string): void {
    if (!this.index || !this.#settings.strict || this.index.covers(pattern)) return
    const wanted = plainPattern(pattern)
    if (this.#allowed.some(({ named }) => patternsMeet(named, wanted))) return
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
