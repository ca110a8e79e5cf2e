import { HttpServer, http } from 'rookery/http'
import { transportConformance } from 'rookery/testing/conformance'
import { websocket } from 'rookery/websocket'
import { WebSocketPeer } from '../support/conformance-websocket.ts'

transportConformance({
  name: 'websocket',
  plugins: () => [http({ port: 0, hostname: '127.0.0.1' }), websocket({ closeTimeout: 1000 })],
  connect: (app, handshake) => WebSocketPeer.connect(app.scope.get(HttpServer).url, handshake),
  missing: { token: 'a page cannot set headers of a WebSocket: the token is in the query' },
})
