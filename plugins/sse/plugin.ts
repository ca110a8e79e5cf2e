import { AppToken } from '../../core/app/app.ts'
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
import { SseTransport } from './transport.ts'

export interface SseOptions {
  /** Path of the stream; the uplink is below it. @default '/api/v1/sse' */
  readonly path?: string | undefined
  /** Time between two comments that keep proxies from closing a quiet stream. @default '15s' */
  readonly heartbeat?: Duration | undefined
  /** Time that a session outlives its stream, for the client to come back to it. @default '10s' */
  readonly grace?: Duration | undefined
  /** Time for what is buffered to leave when a stream is closed. @default '5s' */
  readonly closeTimeout?: Duration | undefined
}

/**
 * Server-sent events: a stream down, POST requests up. Needs `http()`. Works with a plain `EventSource`, with
 * `curl -N` and, both ways and with resuming, with the client.
 *
 * @throws `invalid_option`
 * @example createApp({ plugins: [http(), websocket(), sse()] })
 */
export const sse = (options: SseOptions = {}): Plugin => {
  checkOptions('sse()', options, {
    path: option.basePath,
    heartbeat: option.duration(),
    grace: option.duration(0),
    closeTimeout: option.duration(),
  })
  const { path = '/api/v1/sse', heartbeat = '15s', grace = '10s', closeTimeout = '5s' } = options
  const settings = {
    path: withoutEndSlash(path),
    heartbeat: milliseconds(heartbeat),
    grace: milliseconds(grace),
    closeTimeout: milliseconds(closeTimeout),
  }
  return definePlugin({
    name: 'sse',
    requires: [HttpServer],
    setup(scope) {
      const { cluster } = scope.get(AppToken)
      scope.get(Transports).add(new SseTransport(() => scope.get(HttpServer), cluster, settings))
    },
  })
}
