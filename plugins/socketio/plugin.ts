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
  /** Time for what is buffered to leave when a connection is closed. @default '5s' */
  readonly closeTimeout?: Duration | undefined
  /**
   * A Socket.IO server of the user's own, with whatever options it has. It is the user's to attach and to close;
   * sessions are the sockets of its main namespace. Excludes `path`; `http()` is not needed then.
   */
  readonly server?: Server | undefined
}

/**
 * Socket.IO: an unchanged Socket.IO client, in any language, is a client. The event name is the topic and the
 * acknowledgement is the reply. Needs `http()`, unless it is given a server.
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
