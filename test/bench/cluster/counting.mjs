import { createToken, definePlugin, Sessions, Transports } from 'rookery'

/** A transport whose peers are in this process, and only count the frames that they get. */
class CountingTransport {
  name = 'counting'
  /** @type {import('rookery').TransportHost | undefined} */
  #host

  /** @param {import('rookery').TransportHost} host */
  async start(host) {
    this.#host = host
  }

  async stop() {}

  /**
   * @param {{ user?: string, topics?: readonly string[] }} peer
   * @param {(frame: import('rookery').Frame) => void} onMessage called with each published message
   */
  async connect({ user, topics = [] }, onMessage) {
    const query = new URLSearchParams(user === undefined ? {} : { user })
    const handshake = { transport: 'counting', address: 'here', headers: {}, query, topics }
    const session = await this.#host?.open(handshake, {
      buffered: 0,
      selfMonitored: true,
      write(frames) {
        for (const frame of frames) if (frame.message.type === undefined) onMessage(frame)
      },
      close() {},
      terminate() {},
    })
    return session?.id
  }
}

export const Counting = createToken('Counting', 'counting()')

/** Sessions without a network, so that only the path between the nodes is measured. */
export const counting = () =>
  definePlugin({
    name: 'counting',
    setup(scope) {
      const transport = new CountingTransport()
      scope.provide(Counting, () => transport)
      scope.get(Transports).add(transport)
      scope.get(Sessions).onAuthenticate(({ query }) => {
        const id = query.get('user')
        return id === null ? undefined : { id, name: id }
      })
    },
  })
