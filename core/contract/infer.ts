import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { User } from '../protocol/protocol.ts'
import type { Covered, TopicOf } from './topic-types.ts'

/** What a schema reads: what is on the wire. */
type Input<Schema> = Schema extends StandardSchemaV1<infer In, unknown> ? In : unknown
/** What a schema returns: what handlers and listeners get. */
type Output<Schema> = Schema extends StandardSchemaV1<unknown, infer Out> ? Out : unknown

/** Whether a type is a contract. Without one, topics are strings and payloads are unknown. */
export type IsContract<C> = C extends
  | { readonly topics: object }
  | { readonly calls: object }
  | { readonly user: object }
  ? true
  : false

type Nothing = Record<never, never>
export type TopicsOf<C> = C extends { readonly topics: infer Topics } ? Topics : Nothing
export type CallsOf<C> = C extends { readonly calls: infer Calls } ? Calls : Nothing

/** The user of a session. */
export type UserOf<C> = C extends { readonly user: infer Schema } ? Output<Schema> & User : User

/** The topics of a map of patterns, as the compiler can tell them: `` `rooms/${string}/messages` ``. */
export type TopicName<Map> = TopicOf<keyof Map & string>

type Values<Map, Text extends string> = Map[Covered<Map, Text> & keyof Map]

/** What a publisher gives for a topic. */
export type Published<C, Topic extends string> = Input<Values<TopicsOf<C>, Topic>>

/** What a listener gets: the union of all topics that its pattern covers. */
export type Received<C, Pattern extends string> = Output<Values<TopicsOf<C>, Pattern>>

/** What a client sends with a call. `undefined` if the call has no input. */
export type CallInput<C, Topic extends string> = InputOf<Values<CallsOf<C>, Topic>>
/** What a handler gets. */
export type CallPayload<C, Topic extends string> = PayloadOf<Values<CallsOf<C>, Topic>>
/** What a handler returns. */
export type CallResult<C, Topic extends string> = ResultOf<Values<CallsOf<C>, Topic>>
/** What the client gets as the reply. */
export type CallReply<C, Topic extends string> = ReplyOf<Values<CallsOf<C>, Topic>>
/** The errors that the contract names for a call, by code. */
export type CallErrors<C, Topic extends string> = ErrorsOf<Values<CallsOf<C>, Topic>>

type InputOf<Call> = Call extends { readonly input: infer Schema } ? Input<Schema> : undefined
type PayloadOf<Call> = Call extends { readonly input: infer Schema } ? Output<Schema> : undefined
type ResultOf<Call> = Call extends { readonly output: infer Schema } ? Input<Schema> : void
type ReplyOf<Call> = Call extends { readonly output: infer Schema } ? Output<Schema> : undefined
type ErrorsOf<Call> = Call extends { readonly errors: infer Errors }
  ? { readonly [Code in keyof Errors & string]: Output<Errors[Code]> }
  : Nothing

/** Accepts a topic that the map covers. For another one, it is the list of what there is, for the error of the compiler. */
export type Known<Map, Text extends string> = [Covered<Map, Text>] extends [never] ? TopicName<Map> : unknown
