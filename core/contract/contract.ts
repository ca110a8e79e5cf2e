import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { RookeryError } from '../protocol/errors.ts'
import type { MessageFrame, WelcomeFrame } from '../protocol/protocol.ts'

/** A JSON schema, for documents. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** A topic with what a document says about it. A schema alone is the same without a description. */
export interface TopicContract {
  readonly schema: StandardSchemaV1
  /** What the messages mean. */
  readonly description?: string
  /** Describes the payload in documents, for schemas that cannot describe themselves. */
  readonly jsonSchema?: JsonSchema
}

/** A call: what the client sends, what the server replies, and the errors of the application. */
export interface CallContract {
  /** The payload. Without it, the call has none. */
  readonly input?: StandardSchemaV1
  /** The payload of the reply. Without it, the reply has none. */
  readonly output?: StandardSchemaV1
  /** Schemas of `data` of the errors that the handler may throw, by their code. */
  readonly errors?: Readonly<Record<string, StandardSchemaV1>>
  /** What the call does. */
  readonly description?: string
  /** Describes input and output in documents, for schemas that cannot describe themselves. */
  readonly jsonSchema?: { readonly input?: JsonSchema; readonly output?: JsonSchema }
  /** A schema is not a call. */
  readonly '~standard'?: never
}

/**
 * The topics and calls of an app. The keys are patterns: a segment `:name` stands for any one segment, and `*` as the
 * last segment for one or more.
 */
export interface Contract {
  /** The user of a session. Its own client gets the fields that this schema returns. */
  readonly user?: StandardSchemaV1
  /** The messages that the server publishes. */
  readonly topics?: Readonly<Record<string, StandardSchemaV1 | TopicContract>>
  /** The messages that clients send. */
  readonly calls?: Readonly<Record<string, CallContract>>
}

/** The client, as the reader of its contract sees it. */
export interface ContractReaderHost {
  /** Called with the error of a message that is not valid. */
  invalid(error: RookeryError): void
  warn(text: string): void
}

/** Validates what a server sends. */
export interface ContractReader {
  /** Warns once if the server has another contract. */
  compare(welcome: WelcomeFrame): void
  /**
   * Returns the message with what the schema of its topic returns: the schema of the most specific pattern. A topic that is not
   * in the contract has no schema. Returns undefined if the payload is not valid.
   */
  message(frame: MessageFrame): MessageFrame | undefined
  /** Returns what the schema makes of a reply, or a promise of it. @throws `invalid_payload` */
  reply(topic: string, payload: unknown): unknown
}

/** A contract at run time. */
export interface ContractIndex {
  /** Changes when a name or a schema changes. Schemas that cannot be written as a JSON schema count by their library. */
  readonly hash: string
  readonly user: StandardSchemaV1 | undefined
  /** Creates what validates messages and replies for a client. */
  createReader(host: ContractReaderHost): ContractReader
  /** Schemas of the payload of a topic, one for each pattern that matches. */
  schemasOf(topic: string): readonly StandardSchemaV1[]
  /** The call of a topic, by the most specific pattern. */
  callOf(topic: string): CallContract | undefined
  /** The call whose pattern is exactly this one. Names of segments may differ. */
  callNamed(pattern: string): CallContract | undefined
  /** Whether some topic of the contract matches a pattern of a client. A segment `:name` of that pattern is text. */
  covers(pattern: string): boolean
}
