import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ErrorCode, Issue, RookeryError } from '../protocol/errors.ts'
import type { User } from '../protocol/protocol.ts'
import type { Covered, TopicOf } from './topic-types.ts'

/** Types of a schema: `input` is on the wire; `output` is what validation returns. */
type Types<Schema> = Schema extends StandardSchemaV1
  ? NonNullable<Schema['~standard']['types']>
  : Schema extends { readonly schema: infer Inner extends StandardSchemaV1 }
    ? NonNullable<Inner['~standard']['types']>
    : { readonly input: unknown; readonly output: unknown }

type Side = 'input' | 'output'

type Nothing = Record<never, never>
/** The topics of a contract. `Nothing` without any. */
export type TopicsOf<C> = C extends { readonly topics: infer Topics extends object } ? Topics : Nothing
/** The calls of a contract. `Nothing` without any. */
export type CallsOf<C> = C extends { readonly calls: infer Calls extends object } ? Calls : Nothing

/** Whether a type states topics. Otherwise, topics are strings and payloads are unknown. */
export type HasTopics<C> = C extends { readonly topics: object } ? true : false
/** Whether a type states calls. Otherwise, calls are strings and payloads are unknown. */
export type HasCalls<C> = C extends { readonly calls: object } ? true : false

/** The user of a session. */
export type UserOf<C, As extends Side = 'output'> = C extends { readonly user: infer Schema }
  ? Types<Schema>[As] & Pick<User, 'id' | 'name'>
  : User

type Values<Map, Text extends string> = Map[Covered<Map, Text> & keyof Map]

/** Accepts a topic or a pattern that the map covers, and any plain `string`. The compiler's error lists what there is. */
export type Known<Map, Text extends string> = string extends Text
  ? Text
  : [Covered<Map, Text>] extends [never]
    ? keyof Map & string
    : Text

type IsCovered<Map, Text extends string> = string extends Text
  ? false
  : [Covered<Map, Text>] extends [never]
    ? false
    : true

/** What a publisher gives for a topic. */
export type Published<C, Topic extends string> =
  IsCovered<TopicsOf<C>, Topic> extends true ? Types<Values<TopicsOf<C>, Topic>>['input'] : unknown

/** What a listener gets: the union of all topics that its pattern covers. */
export type Received<C, Pattern extends string, As extends Side = 'input'> =
  IsCovered<TopicsOf<C>, Pattern> extends true ? Types<Values<TopicsOf<C>, Pattern>>[As] : unknown

/** The patterns of the contract's topics that a pattern covers, as topics of the compiler, with their payloads. */
export type ReceivedMessage<C, Pattern extends string, As extends Side, Rest> =
  IsCovered<TopicsOf<C>, Pattern> extends true
    ? MessagesOf<TopicsOf<C>, Covered<TopicsOf<C>, Pattern>, As, Rest>
    : { readonly topic: string; readonly payload: unknown } & Rest

type MessagesOf<Map, Key extends string, As extends Side, Rest> = Key extends keyof Map & string
  ? { readonly topic: TopicOf<Key>; readonly payload: Types<Map[Key]>[As] } & Rest
  : never

/** The calls of a contract, and any plain `string`. Makes editors complete names. */
export type CallName<C> = (keyof CallsOf<C> & string) | (string & Nothing)

/** What a client sends with a call. `undefined` if the call has no input. */
export type CallInput<C, Topic extends string> = string extends Topic
  ? unknown
  : InputOf<Values<CallsOf<C>, Topic>, 'input'>
/** What a handler gets. */
export type CallPayload<C, Topic extends string> = string extends Topic
  ? unknown
  : InputOf<Values<CallsOf<C>, Topic>, 'output'>
/** What a handler returns. */
export type CallResult<C, Topic extends string> = string extends Topic
  ? unknown
  : OutputOf<Values<CallsOf<C>, Topic>, 'input', void>
/** What the client gets as the reply. */
export type CallReply<C, Topic extends string, As extends Side = 'input'> = string extends Topic
  ? unknown
  : OutputOf<Values<CallsOf<C>, Topic>, As, undefined>

/** `unknown` for an unknown call, so that the compiler reports its name and not its missing payload. */
type InputOf<Call, As extends Side> = [Call] extends [never]
  ? unknown
  : Call extends { readonly input: infer Schema }
    ? Types<Schema>[As]
    : undefined
type OutputOf<Call, As extends Side, None> = Call extends { readonly output: infer Schema }
  ? Types<Schema>[As]
  : None

type ErrorsOf<Call> = Call extends { readonly errors: infer Errors } ? Errors : never
/** `keyof` of each member of a union. */
type Keys<Union> = Union extends unknown ? keyof Union & string : never
type DataOf<Errors, Code extends string> = Errors extends { readonly [Name in Code]: infer Schema }
  ? Types<Schema>['input']
  : never

/** The codes of the errors that the contract names for a call. For a plain `string`, of all calls. */
export type CallErrorCode<C, Topic extends string = string> = Keys<ErrorsOf<Values<CallsOf<C>, Topic>>>
/** `data` of an error of the contract. `unknown` for other codes. */
export type ErrorData<C, Code extends string, Topic extends string = string> =
  Code extends CallErrorCode<C, Topic> ? DataOf<ErrorsOf<Values<CallsOf<C>, Topic>>, Code> : unknown

/** An error with its code and the data that the contract states. */
export type TypedError<Code extends string, Data> = RookeryError & {
  readonly code: Code
  readonly data: Data
  readonly issues?: readonly Issue[] | undefined
}
/** A code of the contract or of Rookery. */
export type KnownErrorCode<C> =
  HasCalls<C> extends true ? CallErrorCode<C> | ErrorCode : ErrorCode | (string & Nothing)

/** The payload of a message as the rest of the arguments: optional if it may be undefined. */
export type PayloadArgs<Payload, Rest extends readonly unknown[] = []> = undefined extends Payload
  ? [payload?: Payload, ...rest: Rest]
  : [payload: Payload, ...rest: Rest]
