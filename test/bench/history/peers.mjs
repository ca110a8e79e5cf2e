/**
 * A client, as its protocol sees it.
 *
 * @typedef {object} Peer
 * @property {string} room
 * @property {string | undefined} position of the last message: a cursor or an offset
 * @property {string | undefined} pid of a client of Socket.IO
 * @property {(text: string) => void} send
 * @property {(payload: { seq: number }) => void} received
 * @property {() => void} opened called when the client has subscribed. With a position, the server has then replayed all or nothing
 *
 * @typedef {object} Protocol
 * @property {(room: string) => string} path of the handshake
 * @property {(peer: Peer, text: string) => void} take takes a frame
 * @property {(id: number) => string} call a call of `echo`
 * @property {(text: string) => number | undefined} replyOf the id of the call, if the frame is a reply
 */

/** @type {Readonly<Record<string, Protocol>>} */
export const protocols = {
  rookery: {
    path: () => '/api/v1/ws',
    take(peer, text) {
      const { type, payload, cursor, recovered } = JSON.parse(text)
      if (type === 'welcome') {
        const since = peer.position
        peer.send(JSON.stringify({ type: 'subscribe', id: 1, topics: [peer.room], since }))
      } else if (type === undefined) {
        peer.position = cursor
        peer.received(payload)
      } else if (type === 'replayed') {
        if (!recovered) throw new Error(`The client has not recovered: ${text}`)
        peer.opened()
      } else if (type !== 'reply' || payload === undefined) throw new Error(`The client got ${text}`)
      else if (peer.position === undefined) peer.opened()
    },
    call: (id) => JSON.stringify({ topic: 'echo', id, payload: 1 }),
    replyOf: (text) => (text.startsWith('{"type":"reply"') ? JSON.parse(text).id : undefined),
  },
  socketio: {
    path: (room) => `/socket.io/?EIO=4&transport=websocket${room && `&room=${encodeURIComponent(room)}`}`,
    take(peer, text) {
      const { pid, position: offset } = peer
      if (text.startsWith('0{')) peer.send(pid === undefined ? '40' : `40${JSON.stringify({ pid, offset })}`)
      else if (text.startsWith('40{')) {
        peer.pid = JSON.parse(text.slice(2)).pid
        if (pid !== undefined && peer.pid !== pid) throw new Error('The client has not recovered')
        peer.opened()
      } else if (text.startsWith('42')) {
        const [, payload, position] = JSON.parse(text.slice(2))
        peer.position = position
        peer.received(payload)
      } else throw new Error(`The client got ${text}`)
    },
    call: (id) => `42${id}["echo",1]`,
    replyOf: (text) => (text.startsWith('43') ? Number.parseInt(text.slice(2), 10) : undefined),
  },
}
