import type { StandardSchemaV1 } from '@standard-schema/spec'

/** A call: what the client sends, what the server replies, and the errors of the application. */
export interface CallContract {
  /** Without it, the call has no payload. */
  readonly input?: StandardSchemaV1
  /** Without it, the reply has no payload. */
  readonly output?: StandardSchemaV1
  /** Schemas of `data` of the errors that the handler may throw, by their code. */
  readonly errors?: Readonly<Record<string, StandardSchemaV1>>
}

/**
 * The topics and calls of an app. The keys are patterns: a segment `:name` stands for any one segment, and `*` as the
 * last segment for one or more.
 */
export interface Contract {
  /** The user of a session. Clients get the fields that this schema returns. */
  readonly user?: StandardSchemaV1
  /** What the server publishes. */
  readonly topics?: Readonly<Record<string, StandardSchemaV1>>
  /** What clients call. */
  readonly calls?: Readonly<Record<string, CallContract>>
}
