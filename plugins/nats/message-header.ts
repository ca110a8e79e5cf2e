import type { ClusterMessage } from '../../core/cluster/cluster.ts'

/** The fields of a message besides its payload. Fields that have the values of a plain message are omitted. */
export type MessageHeader = Partial<Omit<ClusterMessage, 'payload'>>

/** Returns the header of a message; undefined for a plain message, whose subject says all. */
export const headerOf = ({
  topics,
  topic,
  except,
  kind,
  note,
  isUnkept,
}: ClusterMessage): MessageHeader | undefined => {
  const oneTopic = topics.length === 1 && topics[0] === topic
  if (oneTopic && except === null && kind === null && !isUnkept) return undefined
  return {
    ...(!oneTopic && { topics, topic }),
    ...(except !== null && { except }),
    ...(kind !== null && { kind, note }),
    ...(isUnkept && { isUnkept }),
  }
}

/** Returns a message of one topic, for all sessions that subscribe to it. */
export const plainMessage = (topic: string, payload: string | undefined): ClusterMessage => ({
  topics: [topic],
  topic,
  payload,
  except: null,
  kind: null,
})
