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
import { WebSocketTransport } from './transport.ts'

export interface WebSocketOptions {
  /** Path for WebSocket upgrades. @default '/api/v1/ws' */
  readonly path?: string | undefined
  /** Time for the client to read buffered frames and finish the closing handshake. @default '5s' */
  readonly closeTimeout?: Duration | undefined
  /**
   * Compression: `true`, or the `perMessageDeflate` options of `ws`. It costs memory for every connection and most of
   * the speed, because each frame is then compressed once for every receiver. @default false
   */
  readonly perMessageDeflate?: boolean | Readonly<Record<string, unknown>> | undefined
}

/**
 * The WebSocket transport, based on `ws`. Needs `http()`.
 *
 * @throws `invalid_option`
 * @example createApp({ plugins: [http(), websocket()] })
 */
export const websocket = (options: WebSocketOptions = {}): Plugin => {
  checkOptions('websocket()', options, {
    path: option.path,
    closeTimeout: option.duration(),
    perMessageDeflate: option.either(option.boolean, option.object),
  })
  const { path = '/api/v1/ws', closeTimeout = '5s', perMessageDeflate = false } = options
  return definePlugin({
    name: 'websocket',
    requires: [HttpServer],
    setup(scope) {
      const server = () => scope.get(HttpServer)
      scope.get(Transports).add(
        new WebSocketTransport(server, {
          path: withoutEndSlash(path),
          closeTimeout: milliseconds(closeTimeout),
          perMessageDeflate,
        }),
      )
    },
  })
}
