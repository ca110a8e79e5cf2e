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
  /** Path of the stream; a session's uplink is at `<path>/<session>`. @default '/api/v1/sse' */
  readonly path?: string | undefined
  /** Time between two comments that keep proxies from closing a quiet stream. @default '15s' */
  readonly heartbeat?: Duration | undefined
  /** Time that a session waits without a stream for its client to resume. @default '10s' */
  readonly grace?: Duration | undefined
  /** Time for buffered bytes to leave when a stream is closed. @default '5s' */
  readonly closeTimeout?: Duration | undefined
}

/**
 * Adds server-sent events as a transport: an event stream down, POST requests up. Needs `http()`. A plain
 * `EventSource` and `curl -N` receive messages; Rookery's client also sends and resumes its session.
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
