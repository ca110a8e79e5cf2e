/** Bytes of a payload as JSON. */
const PAYLOAD_BYTES = 300

const PADDING = 'x'.repeat(PAYLOAD_BYTES - '{"seq":100000000,"text":""}'.length)
const FIRST_SEQ = 100_000_000

/** The topic (room) of a client. @param {number} client @param {number} rooms */
export const roomOf = (client, rooms) => `rooms/${client % rooms}`

/** The payload of the nth message of a room. @param {number} n */
const payloadOf = (n) => ({ seq: FIRST_SEQ + n, text: PADDING })

/** The number of a message in its room. @param {{ seq: number }} payload */
export const numberOf = ({ seq }) => seq - FIRST_SEQ

/**
 * Makes this process a server whose clients come back.
 *
 * @param {{ port: number, sessions: () => number, publish: (room: string, payload: object) => unknown }} server
 */
export const serverFunctions = ({ port, sessions, publish }) => ({
  port: () => port,
  sessions,
  /** CPU time of this process, in ms. */
  cpu() {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  },
  /** Publishes messages to each room. @param {{ rooms: number, from: number, count: number }} input */
  async publish({ rooms, from, count }) {
    for (let n = from; n < from + count; n++) {
      for (let room = 0; room < rooms; room++) await publish(roomOf(room, rooms), payloadOf(n))
    }
  },
})
