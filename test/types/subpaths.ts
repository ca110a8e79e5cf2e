// Every subpath of the package, so that the check of the built declarations compiles all of them.
import type * as rookery from 'rookery'
import type * as asyncapi from 'rookery/asyncapi'
import type * as auth from 'rookery/auth'
import type * as client from 'rookery/client'
import type * as clientSocketio from 'rookery/client/socketio'
import type * as clientWebsocket from 'rookery/client/websocket'
import type * as contract from 'rookery/contract'
import type * as di from 'rookery/di'
import type * as history from 'rookery/history'
import type * as http from 'rookery/http'
import type * as nats from 'rookery/nats'
import type * as react from 'rookery/react'
import type * as rooms from 'rookery/rooms'
import type * as socketio from 'rookery/socketio'
import type * as sse from 'rookery/sse'
import type * as testing from 'rookery/testing'
import type * as testingConformance from 'rookery/testing/conformance'
import type * as websocket from 'rookery/websocket'

export type Subpaths = [
  typeof rookery,
  typeof asyncapi,
  typeof auth,
  typeof client,
  typeof clientSocketio,
  typeof clientWebsocket,
  typeof contract,
  typeof di,
  typeof history,
  typeof http,
  typeof nats,
  typeof react,
  typeof rooms,
  typeof socketio,
  typeof sse,
  typeof testing,
  typeof testingConformance,
  typeof websocket,
]
