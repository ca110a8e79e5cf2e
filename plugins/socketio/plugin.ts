import type { Server } from 'socket.io'
import { definePlugin, type Plugin } from '../../core/app/plugin.ts'
import { Transports } from '../../core/sessions/transport.ts'
import {
  checkOptions,
  type Duration,
  milliseconds,
  option,
  withoutEndSlash,
} from '../../core/util/options.ts'
import { HttpServer } from '../http/tokens.ts'
import { SocketIoTransport } from './transport.ts'

export interface SocketIoOptions {
  /** Path of the Socket.IO endpoint. @default '/socket.io' */
  readonly path?: string | undefined
  /** Time for the client to read buffered messages when its connection is closed. @default '5s' */
  readonly closeTimeout?: Duration | undefined
  /**
   * A Socket.IO server of your own, with any options. You attach it and close it. Each socket in its main namespace
   * gets a session. Excludes `path`, and needs no `http()`.
   */
  readonly server?: Server | undefined
}

/**
 * The Socket.IO transport. Accepts Socket.IO client libraries in any language. The event name is the topic, and the
 * acknowledgement is the reply. Needs `http()`, unless you pass a `server`.
 *
 * @throws `invalid_option`
 * @example createApp({ plugins: [http(), socketio()] })
 */
export const socketio = (options: SocketIoOptions = {}): Plugin => {
  checkOptions('socketio()', options, {
    path: option.basePath,
    closeTimeout: option.duration(),
    server: (value) =>
      typeof (value as Server | null)?.of === 'function' ? undefined : 'a Server of the package socket.io',
  })
  const { path = '/socket.io', closeTimeout = '5s', server } = options
  const settings = { path: withoutEndSlash(path), closeTimeout: milliseconds(closeTimeout), server }
  return definePlugin({
    name: 'socketio',
    requires: server ? [] : [HttpServer],
    setup: (scope) => scope.get(Transports).add(new SocketIoTransport(() => scope.get(HttpServer), settings)),
  })
}
