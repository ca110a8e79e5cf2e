import { HttpServer, http } from 'rookery/http'
import { sse } from 'rookery/sse'
import { transportConformance } from 'rookery/testing/conformance'
import { SsePeer } from '../support/conformance-sse.ts'

transportConformance({
  name: 'sse',
  plugins: () => [http({ port: 0, hostname: '127.0.0.1' }), sse({ grace: 20, closeTimeout: 1000 })],
  connect: async (app, handshake) => new SsePeer(app.scope.get(HttpServer).url, handshake),
  missing: {
    token: 'a page cannot set headers of an EventSource: the token is in the query',
    earlyFrames: 'the address for frames is in the welcome frame',
  },
})
