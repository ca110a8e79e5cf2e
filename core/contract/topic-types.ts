/** The segments of a topic or a pattern: `'rooms/:room'` becomes `['rooms', ':room']`. */
type Segments<Text extends string> = Text extends `${infer First}/${infer Rest}`
  ? [First, ...Segments<Rest>]
  : [Text]

/** Whether a segment stands for any text: `*`, `:name`, or a part that the compiler does not know (`${id}`). */
type IsOpen<Segment extends string> = string extends Segment
  ? true
  : Segment extends '*' | `:${string}`
    ? true
    : false

type SegmentsMeet<One extends string, Other extends string> =
  IsOpen<One> extends true ? true : IsOpen<Other> extends true ? true : One extends Other ? true : false

/** Whether a topic can match both patterns. A `*` as the last segment stands for one or more segments. */
type ListsMeet<One extends readonly string[], Other extends readonly string[]> = One extends ['*']
  ? Other extends [string, ...string[]]
    ? true
    : false
  : Other extends ['*']
    ? One extends [string, ...string[]]
      ? true
      : false
    : One extends [infer First extends string, ...infer Rest extends string[]]
      ? Other extends [infer OtherFirst extends string, ...infer OtherRest extends string[]]
        ? SegmentsMeet<First, OtherFirst> extends true
          ? ListsMeet<Rest, OtherRest>
          : false
        : false
      : Other extends []
        ? true
        : false

/** The patterns that a topic or a pattern can match, as a union. */
type FindMeeting<Pattern extends string, Text extends string> = Text extends `${string}*${string}`
  ? FindOverlap<Pattern, Segments<Text>>
  : FindMatch<Pattern, Text>

type FindOverlap<Pattern extends string, Wanted extends readonly string[]> = Pattern extends string
  ? ListsMeet<Segments<Pattern>, Wanted> extends true
    ? Pattern
    : never
  : never

/** `${string}` also stands for several segments. So the segments are compared, too, but only those of the few that are left. */
type FindMatch<Pattern extends string, Topic extends string> = Pattern extends string
  ? Topic extends TopicOf<Pattern>
    ? ListsMeet<Segments<Pattern>, Segments<Topic>> extends true
      ? Pattern
      : never
    : never
  : never

type FirstSegment<Text extends string> = Text extends `${infer First}/${string}` ? First : Text

/** Patterns by their first segment, so that a topic is compared with few of them. Open ones are under `*`. */
type ByFirstSegment<Pattern extends string> = {
  [One in Pattern as IsOpen<FirstSegment<One>> extends true ? '*' : FirstSegment<One>]: One
}

type At<Index, Key> = Key extends keyof Index ? Index[Key] & string : never

/**
 * The patterns of a map that a topic or a pattern can match, as a union of keys. `never` if there is none. For a plain
 * `string` these are all patterns.
 */
export type Covered<Map, Text extends string> = string extends Text
  ? keyof Map & string
  : Text extends keyof Map
    ? Text
    : CoveredIn<ByFirstSegment<keyof Map & string>, Text, keyof Map & string>

type CoveredIn<Index, Text extends string, All extends string> =
  IsOpen<FirstSegment<Text>> extends true
    ? FindOverlap<All, Segments<Text>>
    : FindMeeting<At<Index, FirstSegment<Text>> | At<Index, '*'>, Text>

/** The topics of a pattern: `'rooms/:room/messages'` becomes `` `rooms/${string}/messages` ``. */
export type TopicOf<Pattern extends string> = Pattern extends `${infer First}/${infer Rest}`
  ? `${IsOpen<First> extends true ? string : First}/${TopicOf<Rest>}`
  : IsOpen<Pattern> extends true
    ? string
    : Pattern

/** The parameters of a pattern: `'rooms/:room/messages'` has `{ room: string }`. */
export type Params<Pattern extends string> = string extends Pattern
  ? Readonly<Record<string, string>>
  : { readonly [Name in ParamNames<Pattern>]: string }

type ParamNames<Pattern extends string> = Pattern extends `${infer First}/${infer Rest}`
  ? ParamName<First> | ParamNames<Rest>
  : ParamName<Pattern>

type ParamName<Segment extends string> = Segment extends `:${infer Name}` ? Name : never

/** The topics of a pattern, if some topic of the first type can match it; otherwise `never`. */
export type MeetingTopic<Topic extends string, Pattern extends string> = string extends Topic
  ? TopicOf<Pattern>
  : ListsMeet<Segments<Topic>, Segments<Pattern>> extends true
    ? TopicOf<Pattern>
    : never
