import { topicMatches } from '../../core/topics/topic.ts'
import type { Listening } from './listening.ts'
import { type NodeView, ROOMS, roomTopic, type SessionView } from './messages.ts'
import type { SoakClient } from './soak-client.ts'

const listOf = (items: Iterable<string>): string => [...items].sort().join(', ')

const differ = (what: string, is: Iterable<string>, wanted: Iterable<string>): string[] =>
  listOf(is) === listOf(wanted) ? [] : [`${what}: [${listOf(is)}] instead of [${listOf(wanted)}]`]

/** Clients that are not where they should be. A client whose token was revoked may be away. */
export const absentClients = (clients: readonly SoakClient[]): string[] =>
  clients
    .filter(({ login }) => !login.revoked)
    .flatMap((client) => {
      if (client.ended !== undefined) return [`${client} has ended: ${client.ended}`]
      return client.settled ? [] : [`${client} is not connected with all subscriptions and rooms`]
    })

/** Sessions of the nodes that differ from those of the clients. */
export const wrongSessions = (views: readonly NodeView[], clients: readonly SoakClient[]): string[] => {
  const owners = new Map(clients.map((client) => [client.session, client]))
  const isKnown = ({ id }: SessionView) => owners.has(id)
  return views.flatMap(({ node, sessions, list }) => [
    ...sessions
      .filter((session) => !isKnown(session))
      .map(({ id, user }) => `${node} has a session of ${user} that no client has: ${id.slice(0, 20)}`),
    ...clients
      .filter((client) => client.node === node && !sessions.some(({ id }) => id === client.session))
      .map((client) => `${node} does not have the session of ${client}`),
    ...sessions
      .filter(isKnown)
      .flatMap((session) => wrongSession(session, owners.get(session.id) as SoakClient)),
    ...differ(`${node} lists the rooms`, list, new Set(sessions.flatMap(({ rooms }) => rooms))),
  ])
}

const wrongSession = ({ rooms, subscriptions }: SessionView, client: SoakClient): string[] => [
  ...differ(`rooms of the session of ${client}`, rooms, client.rooms.keys()),
  ...differ(`subscriptions of the session of ${client}`, subscriptions, [
    ...client.topics.keys(),
    ...[...client.rooms.keys()].map((room) => `rooms/${room}/*`),
  ]),
]

/** Ids of the users who are in a room. */
const membersOf = (room: string, clients: readonly SoakClient[]): ReadonlySet<string> =>
  new Set(
    clients
      .filter(({ session, rooms }) => session !== undefined && rooms.has(room))
      .map(({ login }) => login.user),
  )

/** Rooms whose members the nodes list wrongly. */
export const wrongMembers = (views: readonly NodeView[], clients: readonly SoakClient[]): string[] =>
  views.flatMap(({ node, members }) =>
    ROOMS.flatMap((room) => {
      const { ids = [], missing = [] } = members[room] ?? {}
      return [
        ...differ(`members of ${room} at ${node}`, ids, membersOf(room, clients)),
        ...differ(`nodes missing in the members of ${room} at ${node}`, missing, []),
      ]
    }),
  )

/** Rooms that clients see wrongly: the list that they once got, with all events since. */
export const wrongViews = (clients: readonly SoakClient[]): string[] =>
  clients
    .filter(({ session }) => session !== undefined)
    .flatMap((client) =>
      [...client.rooms.values()].flatMap((watch) => {
        void watch.ask()
        const wanted = membersOf(watch.room, clients)
        if (!watch.members) return [`${client} has no complete list of ${watch.room}`]
        return differ(`members of ${watch.room} as ${client} sees them`, watch.members, wanted)
      }),
    )

/** Lists of members that clients get when they ask now. */
export const wrongAnswers = async (clients: readonly SoakClient[]): Promise<string[]> => {
  const answers = clients
    .filter(({ session }) => session !== undefined)
    .flatMap((client) =>
      [...client.rooms.values()].map(async ({ room, list }) => {
        try {
          const { members, missing } = await list()
          const ids = members.map(({ id }) => id)
          return [
            ...differ(`answer about ${room} to ${client}`, ids, membersOf(room, clients)),
            ...differ(`nodes missing in the answer about ${room} to ${client}`, missing, []),
          ]
        } catch (error) {
          return [`answer about ${room} to ${client}: ${error}`]
        }
      }),
    )
  return (await Promise.all(answers)).flat()
}

/** Subscriptions of all clients with the topics that they get. */
const subscriptionsOf = (clients: readonly SoakClient[], topics: readonly string[]) =>
  clients.flatMap(({ topics: patterns, rooms }): [Listening, string][] => [
    ...[...patterns].flatMap(([pattern, listening]) =>
      topics
        .filter((topic) => topicMatches(pattern, topic))
        .map((topic): [Listening, string] => [listening, topic]),
    ),
    ...[...rooms.values()].map(({ room, messages }): [Listening, string] => [messages, roomTopic(room)]),
  ])

/** Latest messages of a node that clients should have and have not. `at`: when each was published, or a moment before. */
export const missedMessages = (
  clients: readonly SoakClient[],
  node: string,
  published: Readonly<Record<string, { readonly n: number; readonly at: number }>>,
): string[] =>
  subscriptionsOf(clients, Object.keys(published))
    .filter(([listening, topic]) => {
      const { n, at } = published[topic] ?? { n: 0, at: 0 }
      return listening.misses(topic, node, n, at)
    })
    .map(
      ([listening, topic]) =>
        `${listening} has not got message ${published[topic]?.n} of ${node} on ${topic}`,
    )
